import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { formatConformance } from "./format.js";

formatConformance("Parquet", parquetFormat);
