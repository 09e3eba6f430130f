"""Where a network runs: torch, ONNX Runtime, OpenVINO or TensorRT; the export of networks."""
