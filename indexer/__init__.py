"""Text to vectors, vectors to ranked entries, ranked entries to a decision, and all of it to a snapshot on disk.

Knows neither Flask nor SQL. Importing any module here opens no file and loads neither FAISS nor an encoder.
"""
