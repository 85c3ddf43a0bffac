// The precompiled headers need a target with a source file to hang on; this is that file.
