import mlflow
import onnx
import pandas as pd

mlflow.onnx.save_model(onnx.load("model.onnx"), "mlflow-model")
model = mlflow.pyfunc.load_model("mlflow-model")

data = pd.read_parquet("data.parquet")
# A data frame would arrive as [N], and text as pandas' own type: the model takes [N, 1] and objects.
features = {
    name: data[[name]].to_numpy(dtype=object if data[name].dtype == "str" else None)
    for name in data.columns.drop(["id", "over_50k"])
}
predicted = model.predict(features)
predictions = pd.DataFrame(
    {
        "id": data["id"],
        "prediction": predicted["output_label"],
        "probability_0": [row[0] for row in predicted["output_probability"]],
        "probability_1": [row[1] for row in predicted["output_probability"]],
    }
)
predictions.to_parquet("predictions.parquet")
print(predictions.head(3))
