import numpy as np
import onnxruntime
import ray


class Predictor:
    def __init__(self):
        self.session = onnxruntime.InferenceSession("model.onnx")

    def __call__(self, batch):
        feeds = {}
        for tensor in self.session.get_inputs():
            dtype = object if tensor.type == "tensor(string)" else np.int64
            feeds[tensor.name] = batch[tensor.name].astype(dtype).reshape(-1, 1)
        labels, probabilities = self.session.run(None, feeds)
        return {
            "id": batch["id"],
            "prediction": labels,
            "probability_0": np.array([row[0] for row in probabilities]),
            "probability_1": np.array([row[1] for row in probabilities]),
        }


data = ray.data.read_parquet("data.parquet")
predictions = data.map_batches(Predictor, compute=ray.data.ActorPoolStrategy(size=1))
predictions.write_parquet("predictions")
ray.data.read_parquet("predictions").show(3)
