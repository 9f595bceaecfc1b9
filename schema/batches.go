package schema

import "slices"

// Batches is the table of batches of every kind, as the manifests have them. It is
// no kind of batch itself. Treat it as a constant.
var Batches = Table{
	Name:    "batches",
	Version: 1,
	Doc:     "One row for each batch in the manifest.",
	Columns: []Column{
		entryColumn("batch_id", String, "id of the batch", "", `"3d4cb64e-i64d-41e8-a686-736751004a32"`, "batch_id"),
		entryColumn("kind", String, "kind of the batch: email-find, email-verify or phone-find", "", `"email-find"`, "kind"),
		entryColumn("state", String, "state of the batch in the manifest: pending, ongoing, exported or failed", "", `"exported"`, "state"),
		entryColumn("permanent", Text, "true when the failure is permanent and a retry is pointless, false when a later run may succeed", "the manifest has no failure of the batch", `"true"`, "permanent"),
		entryColumn("status", String, "status of the batch at Enrow: completed, ongoing or failed", "no response for the batch was received", `"completed"`, "batch.general.status"),
		entryColumn("batch_custom", Text, "value that was attached to the batch when it was started; a value that is not a string is stored as JSON text", "no value was attached to the batch", `"campaign_q2"`, "batch.general.custom"),
		entryColumn("requested", Int64, "number of searches or verifications in the batch", "Enrow reports no such number", `5000`, "batch.stats.requested"),
		entryColumn("finished", Int64, "number of searches that are finished", "Enrow reports no such number", `5000`, "batch.stats.finished"),
		entryColumn("found", Int64, "number of searches that found a result, or of addresses that are valid", "Enrow reports no such number", `3120`, foundPaths()...),
		entryColumn("credits_spent", Decimal, "credits that the batch cost at Enrow, as a decimal number", "Enrow reports no such number", `"3120"`, "batch.stats.credits_cost.final", "batch.stats.credits_cost"),
		entryColumn("credits_refunded", Decimal, "credits that Enrow refunded for the batch, as a decimal number", "Enrow reports no such number", `"1880"`, "batch.stats.credits_cost.refunded", "batch.stats.credits_to_refund"),
		entryColumn("row_count", Int64, "number of rows in each exported file of the batch", "the batch is not exported", `5000`, "rows"),
		entryColumn("table_name", String, "name of the table that the rows belong to", "the batch is not exported", `"email_find"`, "schema.table"),
		entryColumn("table_version", Int64, "version of the table that the rows belong to", "the batch is not exported", `1`, "schema.version"),
		entryColumn("parquet_path", String, "path of the batch's Parquet file, relative to the root", "the batch has no Parquet file", `"email_find/3d4cb64e-i64d-41e8-a686-736751004a32.parquet"`, "files.parquet.path"),
		entryColumn("parquet_bytes", Int64, "size of the batch's Parquet file in bytes", "the batch has no Parquet file", `91234`, "files.parquet.bytes"),
		entryColumn("ndjson_path", String, "path of the batch's NDJSON file, relative to the root", "the batch has no NDJSON file", `"email_find/3d4cb64e-i64d-41e8-a686-736751004a32.ndjson"`, "files.ndjson.path"),
		entryColumn("ndjson_bytes", Int64, "size of the batch's NDJSON file in bytes", "the batch has no NDJSON file", `1234567`, "files.ndjson.bytes"),
		entryColumn("csv_path", String, "path of the batch's CSV file, relative to the root", "the batch has no CSV file", `"email_find/3d4cb64e-i64d-41e8-a686-736751004a32.csv"`, "files.csv.path"),
		entryColumn("csv_bytes", Int64, "size of the batch's CSV file in bytes", "the batch has no CSV file", `1234567`, "files.csv.bytes"),
		entryColumn("raw_path", String, "path of the raw copy of Enrow's response, relative to the root", "no raw copy was kept", `"_raw/email_find/3d4cb64e-i64d-41e8-a686-736751004a32.json.zst"`, "raw.path"),
		entryColumn("source_sha256", String, "SHA-256 of Enrow's response", "the batch is not exported", `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`, "source.sha256"),
		entryColumn("content_sha256", String, "SHA-256 of the rows, the same for every format", "the batch is not exported", `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`, "content_sha256"),
		entryColumn("first_exported_at", String, "time of the first export of the batch, UTC in RFC 3339", "the batch is not exported", `"2026-01-31T07:15:30.123Z"`, "first_exported_at"),
		entryColumn("updated_at", String, "time of the last change of the manifest entry, UTC in RFC 3339", "", `"2026-01-31T07:15:30.123Z"`, "updated_at"),
		entryColumn("attempts", Int64, "number of runs that requested the batch from the API", "", `1`, "attempts"),
		entryColumn("mismatches", Int64, "number of totals in Enrow's response that differ from the exported rows", "", `0`, "mismatches"),
		entryColumn("warnings", Int64, "number of irregularities in Enrow's response, such as gaps in the column index", "", `0`, "warnings"),
		entryColumn("error", String, "error of the last attempt", "the last attempt did not fail", `"fetch batch 3d4cb64e: API returned 500"`, "error"),
		entryColumn("tool_version", String, "version of enrow-export that wrote the manifest entry", "", `"0.1.0"`, "tool_version"),
		entryColumn("answer", Text, "Enrow's response without its results, as JSON text", "no response for the batch was received", `"{\"general\":{\"status\":\"completed\"}}"`, "batch"),
	},
}

// foundPaths returns where an entry has the number of results that found what was
// searched for: at the key that each kind has for it.
func foundPaths() (paths []string) {
	for _, t := range Tables() {
		if path := "batch.stats." + t.Found; !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// entryColumn declares a column of Batches, which is never null if it does not say
// when it is.
func entryColumn(name string, typ Type, doc, null, example string, paths ...string) Column {
	return Column{Name: name, Type: typ, Origin: FromManifest, Paths: paths, Doc: doc, Null: null, Example: example, Required: null == ""}
}

// AllTables returns the tables of every kind, and Batches.
func AllTables() []*Table { return append(Tables(), &Batches) }
