"""Where a network runs: torch, torch.compile, ONNX Runtime, OpenVINO or TensorRT; the export of networks."""
