"""Recognition while one speaks, by streaming transducers that sherpa-onnx runs: Nemotron and zipformers."""
