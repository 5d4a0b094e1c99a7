"""The `amazonlite` command line: one module a verb, each exposing a function of the module's name."""
