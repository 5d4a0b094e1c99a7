"""Faults made from the node, below the API server: processes killed and frozen, networks cut, stores set back."""
