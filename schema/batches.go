package schema

import "slices"

// Batches is the table of batches of every kind, as the manifests have them. It is
// no kind of batch itself. Treat it as a constant.
var Batches = Table{
	Name:    "batches",
	Version: 1,
	Doc:     "One row for each batch that the manifest knows.",
	Columns: []Column{
		entryColumn("batch_id", String, "id of the batch", "", `"3d4cb64e-i64d-41e8-a686-736751004a32"`, "batch_id"),
		entryColumn("kind", String, "kind of the batch", "", `"email-find"`, "kind"),
		entryColumn("state", String, "pending, ongoing, exported or failed", "", `"exported"`, "state"),
		entryColumn("permanent", Text, "of a failed batch, true when asking again is pointless, or false", "it has not failed", `"true"`, "permanent"),
		entryColumn("status", String, "status, in the vendor's word", "the API was not heard of it", `"completed"`, "batch.general.status"),
		entryColumn("batch_custom", Text, "what was attached to the batch when it was started; JSON text when not a string", "nothing was", `"campaign_q2"`, "batch.general.custom"),
		entryColumn("requested", Int64, "searches that were asked for", "the vendor does not say", `5000`, "batch.stats.requested"),
		entryColumn("finished", Int64, "searches that are finished", "the vendor does not say", `5000`, "batch.stats.finished"),
		entryColumn("found", Int64, "searches that found something, or addresses that are valid", "the vendor does not say", `3120`, foundPaths()...),
		entryColumn("credits_spent", Decimal, "credits that the batch cost, a decimal number", "the vendor does not say", `"3120"`, "batch.stats.credits_cost.final", "batch.stats.credits_cost"),
		entryColumn("credits_refunded", Decimal, "credits that came back, a decimal number", "the vendor does not say", `"1880"`, "batch.stats.credits_cost.refunded", "batch.stats.credits_to_refund"),
		entryColumn("row_count", Int64, "rows in each file", "it is not exported", `5000`, "rows"),
		entryColumn("table_name", String, "table that the rows are of", "it is not exported", `"email_find"`, "schema.table"),
		entryColumn("table_version", Int64, "version of that table", "it is not exported", `1`, "schema.version"),
		entryColumn("parquet_path", String, "path of the Parquet file, relative to the root", "there is none", `"email_find/3d4cb64e-i64d-41e8-a686-736751004a32.parquet"`, "files.parquet.path"),
		entryColumn("parquet_bytes", Int64, "length of that file", "there is none", `91234`, "files.parquet.bytes"),
		entryColumn("ndjson_path", String, "path of the NDJSON file, relative to the root", "there is none", `"email_find/3d4cb64e-i64d-41e8-a686-736751004a32.ndjson"`, "files.ndjson.path"),
		entryColumn("ndjson_bytes", Int64, "length of that file", "there is none", `1234567`, "files.ndjson.bytes"),
		entryColumn("csv_path", String, "path of the CSV file, relative to the root", "there is none", `"email_find/3d4cb64e-i64d-41e8-a686-736751004a32.csv"`, "files.csv.path"),
		entryColumn("csv_bytes", Int64, "length of that file", "there is none", `1234567`, "files.csv.bytes"),
		entryColumn("raw_path", String, "path of the copy of the answer, relative to the root", "none is kept", `"_raw/email_find/3d4cb64e-i64d-41e8-a686-736751004a32.json.zst"`, "raw.path"),
		entryColumn("source_sha256", String, "SHA-256 of the API's answer", "it is not exported", `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`, "source.sha256"),
		entryColumn("content_sha256", String, "digest of the rows", "it is not exported", `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`, "content_sha256"),
		entryColumn("first_exported_at", String, "when the batch was exported first, UTC in RFC 3339", "it is not exported", `"2026-01-31T07:15:30.123Z"`, "first_exported_at"),
		entryColumn("updated_at", String, "when the entry was written, UTC in RFC 3339", "", `"2026-01-31T07:15:30.123Z"`, "updated_at"),
		entryColumn("attempts", Int64, "runs that asked the API for the batch", "", `1`, "attempts"),
		entryColumn("mismatches", Int64, "control totals of the answer that its rows do not add up to", "", `0`, "mismatches"),
		entryColumn("warnings", Int64, "oddities of the answer", "", `0`, "warnings"),
		entryColumn("error", String, "why the last attempt failed", "it did not", `"fetch batch 3d4cb64e: API answered 500"`, "error"),
		entryColumn("tool_version", String, "version of the program that wrote the entry", "", `"0.1.0"`, "tool_version"),
		entryColumn("answer", Text, "the answer without its results, as JSON text: all that the vendor says of the batch", "the API was not heard of it", `"{\"general\":{\"status\":\"completed\"}}"`, "batch"),
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
