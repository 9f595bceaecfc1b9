package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/load"
	"enrow-export/schema/dialect"
)

func (p *program) loadSQLCommand() command {
	return command{
		name:  "load-sql",
		topic: topicWarehouse,
		usage: "print the SQL that loads the files into a warehouse",
		args:  "[BATCH_ID ...]",
		description: "The script fills a staging table, checks the number of rows, and replaces the rows of the batches. " +
			"It can run any number of times. Without ids: all exported batches, or with --only-new the batches " +
			"whose load is not confirmed. When a batch cannot be loaded, nothing is printed on stdout.",
		examples: []example{
			{"load everything into DuckDB", "enrow-export load-sql --dialect duckdb --to out > load.sql &&\n    duckdb -bail warehouse.duckdb < load.sql"},
			{"load what is new, and confirm the load", "enrow-export load-sql --dialect duckdb --to out --only-new > load.sql &&\n    duckdb -bail warehouse.duckdb < load.sql &&\n    enrow-export load-sql --dialect duckdb --to out --loaded load.sql"},
		},
		page: "warehouses.md",
		exits: exitCodes(
			exit{"0", "the script is complete"},
			rootExit,
			exit{"3", "a batch cannot be loaded: no script is printed"},
			unreadExit,
		),
		groups: []flagGroup{
			{"Where the files are", append(toFlags(),
				rootURLFlag(),
			)},
			{"Warehouse", []*flagDef{
				textFlag("dialect", "NAME", "", strings.Join(dialect.Names(), ", ")).oneOf(dialect.Names()...).orNone().must(),
				namespaceFlag(),
				textFlag("integration", "NAME", "", "storage integration (Snowflake), role (Redshift)").
					more("It lets the warehouse read the files. A role is given by its ARN."),
				boolFlag("no-create", "leave out the statements that create tables"),
			}},
			{"Which files", []*flagDef{
				kindsFlag(), idsFileFlag(),
				textFlag("format", "FORMAT", "", "format to load").oneOf(formatNames()...).orNone().or("the best that the warehouse reads").own("load-sql"),
				sinceFlag(),
				boolFlag("only-new", "only files whose load is not confirmed"),
				textFlag("watermark", "NAME", "", "name of the list of confirmed loads").checked(checkWatermark).orNone().or("the dialect").
					more("The list is _loads/NAME.json below --to."),
				textFlag("loaded", "FILE", "", "confirm that the script in FILE has run").file().
					more("The script must have been printed with --only-new. Its batches are then no longer new."),
			}},
			storeGroup(writes),
		},
		action: p.loadSQL,
	}
}

func rootURLFlag() *flagDef {
	f := textFlag("root-url", "URL", "", "URL or path where the warehouse finds --to").
		more("It is a copy of the files in another store, for example.")
	f.place = true
	return f
}

func (p *program) loadSQL(c *cli.Context) error {
	d, err := dialectOf(c)
	if err != nil {
		return err
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return err
	}
	at, err := to.location()
	if err != nil {
		return err
	}
	if err := checkUTF8("SQL", "--to", at, "--root-url", c.String("root-url"), "--namespace", c.String("namespace"), "--integration", c.String("integration")); err != nil {
		return err
	}
	m := load.Mark{Watermark: cmp.Or(c.String("watermark"), d.Name), Root: at, Target: load.Target{Dialect: d.Name, Namespace: c.String("namespace")}}
	if file := c.String("loaded"); file != "" {
		return p.confirmLoad(c, to, m, file)
	}
	p.isResult()
	cfg, err := p.loadConfig(c, d, at)
	if err != nil {
		return err
	}
	if cfg.Store, err = to.openExisting(); err != nil {
		return err
	}
	defer closeStore(cfg.Store)
	if c.Bool("only-new") {
		if err := load.OnlyNew(c.Context, &cfg, m.Watermark); err != nil {
			return err
		}
	}
	plan, err := load.Prepare(c.Context, cfg)
	if err != nil {
		return p.refusedLoad(err)
	}
	if plan.Batches == 0 {
		if err := to.known(c.Context, cfg.Store); err != nil {
			return err
		}
	}
	if all := cfg.IDs == nil && cfg.Since == nil && cfg.Loaded == nil; all && plan.Batches == 0 {
		return p.refusedLoad(&pipeline.Error{
			Op: "load", Class: pipeline.Transient, Err: fmt.Errorf("nothing is exported in %s", at),
			Hint: "export batches first; status says what the manifest knows",
		})
	}
	if c.Bool("only-new") {
		m.Loads = plan.Loads
		if m.Changes, err = load.Doubt(c.Context, cfg, m.Watermark, plan.Loads); err != nil {
			return err
		}
	}
	if err := load.PutSidecars(c.Context, cfg.Store, plan.Scripts); err != nil {
		return err
	}
	_, _ = p.stdout.Write(script(d, m, plan)) // an error of the writer is kept by output
	return nil
}

// dialectOf reads --dialect, and --format, which has to be one that it loads.
func dialectOf(c *cli.Context) (*dialect.Dialect, error) {
	name := c.String("dialect")
	if name == "" {
		return nil, usagef("--dialect is one of "+strings.Join(dialect.Names(), ", "), "no dialect: --dialect is missing")
	}
	d, _ := dialect.ByName(name) // the flag has found an unknown one
	if c.String("format") != "" {
		if err := d.CheckFormat(c.String("format"), ""); err != nil {
			return nil, usagef("it loads "+strings.Join(d.Formats, ", "), "--format: %v", err)
		}
	}
	return d, nil
}

// loadConfig reads the flags and arguments that say what to load, but for the store.
func (p *program) loadConfig(c *cli.Context, d *dialect.Dialect, at string) (load.Config, error) {
	cfg := load.Config{
		Tables: tables(c), Dialect: d, Format: c.String("format"), Root: cmp.Or(c.String("root-url"), at),
		S3: s3Of(c), Namespace: c.String("namespace"), Create: !c.Bool("no-create"), Integration: c.String("integration"),
	}
	since, named := since(c), namesBatches(c)
	switch {
	case c.Bool("only-new") && !since.IsZero():
		return cfg, usagef("", "--only-new and --since do not go together")
	case (c.Bool("only-new") || !since.IsZero()) && named:
		return cfg, usagef("name the batches, or let the time choose them", "--only-new and --since do not go with batch ids")
	}
	if scheme, place, isURL := strings.Cut(cfg.Root, "://"); isURL && scheme != "file" && (place == "" || place[0] == '/') {
		return cfg, usagef("write "+scheme+"://bucket/prefix", "--root-url: %q names no bucket", cfg.Root)
	}
	if err := d.CheckLocation(cfg.Root); err != nil {
		return cfg, usagef("--root-url says where the warehouse finds the files", "%s: %v", cfg.Root, err)
	}
	if err := d.CheckS3(cfg.Root, cfg.S3); err != nil {
		return cfg, usagef("--root-url names a copy of the files in Amazon S3", "%s: %v", cfg.Root, err)
	}
	if !since.IsZero() {
		cfg.Since = make(map[string]time.Time)
		for _, t := range cfg.Tables {
			cfg.Since[t.Name] = since
		}
	}
	if named {
		ids, err := p.readIDs(c)
		if err != nil {
			return cfg, err
		}
		cfg.IDs = append([]string{}, ids...) // an empty list is not all of them
	}
	return cfg, nil
}

// script returns all that is printed.
func script(d *dialect.Dialect, m load.Mark, plan load.Plan) []byte {
	var b bytes.Buffer
	begin, end := "", ""
	if m.Loads != nil {
		begin, end = m.Comments()
		end = "\n" + end
	}
	fmt.Fprintf(&b, "-- Made by enrow-export %s for %s, to be run by: %s\n", version, d.Title, d.RunBy)
	b.WriteString(begin)
	fmt.Fprintf(&b, "-- From %q: %s, %s, %s.\n", m.Root, count(int64(plan.Batches), "batch"), count(plan.Rows, "row"), count(int64(plan.Files), "file"))
	if plan.Passed > 0 {
		fmt.Fprintf(&b, "-- Not exported yet, and left out: %s.\n", count(int64(plan.Passed), "batch"))
	}
	for _, s := range plan.Scripts {
		b.WriteString("\n" + s.SQL)
	}
	if len(plan.Scripts) == 0 {
		b.WriteString("\n" + dialect.Nothing)
	}
	b.WriteString(end)
	return b.Bytes()
}

// mostRefused is how many batches are named that cannot be loaded.
const mostRefused = 20

// refusedLoad tells which batches cannot be loaded.
func (p *program) refusedLoad(err error) error {
	var failure *pipeline.Error
	if errors.As(err, &failure) && failure.Class != pipeline.Fatal {
		p.journal().tellError(failure, "batch cannot be loaded")
		return errSomeFailed
	}
	var refused *load.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	stderr := p.journal()
	for i, r := range refused.Batches {
		if i == mostRefused {
			more := len(refused.Batches) - i
			stderr.tell("enrow-export: and "+count(int64(more), "batch")+" more", (*slog.Logger).Error, "more batches cannot be loaded", "batches", more)
			break
		}
		stderr.tell("enrow-export: batch "+r.BatchID+" "+r.Problem, (*slog.Logger).Error, "batch cannot be loaded", pipeline.LogBatch, r.BatchID, "error", r.Problem)
	}
	const hint = "nothing was printed; name the batches that are to be loaded, or mend these"
	stderr.tell("hint: "+hint, (*slog.Logger).Error, "nothing was printed", "hint", hint)
	return errSomeFailed
}

func checkWatermark(flag, name string) error {
	if !load.ValidWatermarkName(name) {
		return usagef("", "%s: a name is letters, digits, - and _, at most 64, the first a letter or digit", flag)
	}
	return nil
}

// confirmLoad notes that a script has run.
func (p *program) confirmLoad(c *cli.Context, to root, want load.Mark, file string) error {
	if c.NArg() > 0 || c.Bool("only-new") || c.String("since") != "" || c.String("format") != "" {
		return usagef("leave out the batches and the flags that choose them: the script says which batches it has loaded", "--loaded goes with --dialect, --to, --namespace and --watermark only")
	}
	got, err := readMark(file)
	if err != nil {
		return usagef("give the file that load-sql --only-new has printed, whole", "--loaded: %v", err)
	}
	if !c.IsSet("namespace") {
		want.Namespace = got.Namespace
	}
	for _, differs := range []struct{ what, got, want string }{
		{"dialect", got.Dialect, want.Dialect}, {"namespace", got.Namespace, want.Namespace}, {"destination", got.Root, want.Root}, {"watermark", got.Watermark, want.Watermark},
	} {
		if differs.got != differs.want {
			return usagef("", "--loaded: %s was made for the %s %s, not %s", file, differs.what, cmp.Or(differs.got, "(none)"), cmp.Or(differs.want, "(none)"))
		}
	}
	store, err := to.openExisting()
	if err != nil {
		return err
	}
	defer closeStore(store)
	loaded, overtaken, err := load.Confirm(c.Context, store, got)
	if err != nil {
		return err
	}
	if overtaken {
		fmt.Fprintf(p.stdout, "another load was printed or confirmed meanwhile: %s will be loaded once more\n", count(int64(got.Batches), "batch"))
		return nil
	}
	fmt.Fprintf(p.stdout, "%s noted as loaded, %s in all\n", count(int64(got.Batches), "batch"), humanize.Comma(int64(loaded.Batches())))
	return nil
}

// readMark returns the mark of a script.
func readMark(file string) (load.Mark, error) {
	f, err := os.Open(file)
	if err != nil {
		return load.Mark{}, err
	}
	defer f.Close()
	m, err := load.ReadMark(f)
	if err != nil {
		return m, fmt.Errorf("%s %w", file, err)
	}
	return m, nil
}
