// Package engines proves on real databases that what enrow-export generates loads
// right: DuckDB, which is linked in, and PostgreSQL, whose server the tests start
// on this machine. It is a module of its own so that their weight stays out of the
// product's. make engines runs it.
//
// The program is built and run as users run it, against the embedded API. What has
// to be in the databases does not come from the product: rows are made up first,
// the API's answers are made from them, and every value is compared in the end.
package engines
