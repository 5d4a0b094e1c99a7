"""Container images for a machine without Docker, made from the same Dockerfiles that `docker build` reads."""
