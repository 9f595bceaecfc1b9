package dialect

import (
	"strings"

	"enrow-export/schema"
)

// meaning returns what a column's comment says.
func meaning(c schema.Column) string {
	if c.Required {
		return c.Doc + "; never null"
	}
	if c.Null == "" {
		return c.Doc
	}
	return c.Doc + "; null when " + c.Null
}

// lockDoc is what the lock's table is for.
const lockDoc = "One row that every load updates before it replaces rows, so that no two loads replace rows at the same time."

// columnLines returns a line for each column, with its quoted name and what more
// says, separated by commas.
func (d *Dialect) columnLines(t *schema.Table, more func(schema.Column) string) string {
	lines := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		lines[i] = "  " + d.quote(c.Name) + " " + more(c)
	}
	return strings.Join(lines, ",\n") + "\n"
}

// typed returns the type of a column, and that it is not null where it never is.
func (d *Dialect) typed(c schema.Column) string {
	if c.Required {
		return d.types[c.Type] + " NOT NULL"
	}
	return d.types[c.Type]
}

// commentOn returns the statements that comment on a table and its columns.
func (d *Dialect) commentOn(t *schema.Table, name string) string {
	var b strings.Builder
	b.WriteString("COMMENT ON TABLE " + name + " IS " + d.literal(t.Doc) + ";\n")
	for _, c := range t.Columns {
		b.WriteString("COMMENT ON COLUMN " + name + "." + d.quote(c.Name) + " IS " + d.literal(meaning(c)) + ";\n")
	}
	return b.String()
}

// types returns the names of the types of texts and integers.
func types(text, integer string) map[schema.Type]string {
	return map[schema.Type]string{schema.String: text, schema.Text: text, schema.Decimal: text, schema.Int64: integer}
}
