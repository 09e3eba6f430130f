"""Where a network runs: torch, ONNX Runtime or OpenVINO; the export of networks."""
