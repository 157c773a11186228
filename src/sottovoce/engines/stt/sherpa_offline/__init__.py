"""Recognition of whole segments, by the models that sherpa-onnx runs so: Whisper, Parakeet, Moonshine,
SenseVoice."""
