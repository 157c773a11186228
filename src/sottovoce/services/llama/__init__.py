"""Language models that run here, by llama.cpp.

llama.cpp's HTTP server speaks OpenAI's API itself. It runs in a process of its own, on loopback with a random
key, and our service stands before it: the same requests, limits and errors as with every other engine.
"""
