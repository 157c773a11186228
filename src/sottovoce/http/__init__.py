"""What every HTTP face of Sottovoce shares: errors in OpenAI's form, keys, capped bodies, the server."""
