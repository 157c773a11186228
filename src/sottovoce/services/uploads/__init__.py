"""`POST /v1/audio/transcriptions` and `/v1/audio/translations`: a form with a file in, its words out."""
