"""`python -m seqgen_cli`, the form that torchrun starts."""

from .main import main

if __name__ == "__main__":
    main()
