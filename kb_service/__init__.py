"""The knowledge-base and deflection service. Importing it loads neither FAISS nor an encoder."""

__version__ = "0.1.0"
