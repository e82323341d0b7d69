"""Slim namelists: what crash needs of a kernel, made from the types the kernel itself carries."""
