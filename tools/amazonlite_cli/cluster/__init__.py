"""The two clusters the platform runs on here, behind one protocol: kind with Docker, localkube without."""
