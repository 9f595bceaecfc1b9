package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

func (p *program) mockAPICommand() *cli.Command {
	return newCommand(command{
		name:  "mock-api",
		usage: "the embedded API alone, for trying things out",
		description: "Serves saved answers and generated batches of one kind, and of bulk e-mail searches the\n" +
			"vendor's sample, until it is interrupted. Prints its address and the ids of its batches.\n\n" +
			"A script says how requests are answered, in their order, before the normal answers\n" +
			"begin. STEPS is a list with commas of\n" +
			"   ok                     the normal answer\n" +
			"   ongoing, ongoing:202   the reduced answer of a batch that still runs\n" +
			"   failed                 a batch that failed\n" +
			"   page                   a page of HTML with the status 200\n" +
			"   STATUS[:VARIANT]       an error: 400 401 402 404 422 429 500 503 …; the variants are\n" +
			"                          reason, old, html, empty; ;retry-after=VALUE adds that header\n" +
			"   truncate:N             the connection is cut after N bytes of the body\n" +
			"   cut:N                  the body ends after N bytes as if it were whole\n" +
			"   hang, drop             no answer at all; the connection closed at once\n" +
			"   redirect:URL           an answer that sends the client elsewhere\n" +
			"each with xN behind it to repeat it: --script '503x2,ok'.",
		exits: append([]int{exitStopped, exitUsage}, signalExits...),
		flags: []cli.Flag{
			kindFlag(),
			stringFlag("addr", "127.0.0.1:8787", "`HOST:PORT` to listen on; port 0 takes a free one"),
			pathFlag(stringFlag("batches", "", "`DIR` of saved answers, one ID.json for each batch")),
			intFlag("generate", 0, "`NUMBER` of batches to make up", notNegative),
			intFlag("rows", 5000, "`NUMBER` of results in each of those", notNegative),
			intFlag("seed", 1, "`NUMBER` that decides what they hold", notNegative),
			stringFlag("key", "", "API `KEY` to accept; any, when empty"),
			intFlag("ongoing", 0, "`NUMBER` of polls for which a batch is ongoing", notNegative),
			intFlag("ongoing-status", 200, "status `CODE` of a reduced answer: 200, or 202 as the API had it", intOf(200, 202)),
			intFlag("unknown-status", 400, "status `CODE` for an unknown id: 400, or 404 as the API had it", intOf(400, 404)),
			listFlag("script", "`STEPS` for all requests, or ID=STEPS for those for one batch; may be repeated", "none"),
		},
		action: p.mockAPI,
	})
}

func (p *program) mockAPI(c *cli.Context) error {
	api, ids, err := newMockAPI(c)
	if err != nil {
		return err
	}
	if err := checkAddr(c.Context, c.String("addr")); err != nil {
		return err
	}
	listener, err := api.Listen(c.String("addr"))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = listener.Close() }() // it is done with
	fmt.Fprintf(p.stdout, "ENROW_API_URL=%s\n", listener.URL())
	for _, id := range ids {
		fmt.Fprintln(p.stdout, id)
	}
	key := c.String("key")
	if key == "" {
		key = "any"
	}
	kind := ""
	if k := c.String("kind"); k != kinds()[0] {
		kind = " --kind " + k
	}
	fmt.Fprintf(p.stderr, "serving %s until interrupted; in another shell:\n  ENROW_API_URL=%s ENROW_API_KEY=%s enrow-export export --to out%s %s\n",
		count(int64(len(ids)), "batch"), listener.URL(), key, kind, ids[0])
	<-c.Done()
	return context.Cause(c.Context)
}

// checkAddr tells an address that cannot be one from one that is taken.
func checkAddr(ctx context.Context, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err != nil {
		return usagef("such as 127.0.0.1:8787", "--addr: %v", err)
	}
	return nil
}

// newMockAPI makes the API that the flags describe, and returns the ids of its
// batches.
func newMockAPI(c *cli.Context) (*fakeapi.Server, []string, error) {
	options := fakeapi.Options{OngoingStatus: c.Int("ongoing-status"), UnknownStatus: c.Int("unknown-status")}
	if key := c.String("key"); key != "" {
		options.Keys = []string{key}
	}
	table := tables(c)[0]
	var batches []fakeapi.Batch
	if table == schema.Tables()[0] {
		batches = append(batches, fakeapi.Sample())
	}
	if dir := c.String("batches"); dir != "" {
		saved, err := fakeapi.LoadDir(dir)
		if err != nil {
			return nil, nil, usagef("", "--batches: %v", err)
		}
		for _, b := range saved {
			b.Table = table
			batches = append(batches, b)
		}
	}
	seed := uint64(c.Int("seed"))
	for n := range c.Int("generate") {
		id := fakeapi.GenerateID(seed, n)
		batches = append(batches, fakeapi.GenerateKind(table.Kind, id, c.Int("rows"), seed+uint64(n)))
	}
	if len(batches) == 0 {
		return nil, nil, usagef("add --generate NUMBER or --batches DIR", "nothing to serve: there is no sample of kind %s", table.Kind)
	}
	api := fakeapi.New(options)
	var ids []string
	for _, b := range batches {
		b.OngoingPolls = c.Int("ongoing")
		api.Add(b)
		ids = append(ids, b.ID)
	}
	for _, script := range given(c, "script") {
		if err := addScript(api, script); err != nil {
			return nil, nil, usagef("see enrow-export mock-api --help", "--script: %v", err)
		}
	}
	return api, ids, nil
}

// addScript reads STEPS or ID=STEPS. No step has a "=" before its first ":" or
// ";", and no id has either.
func addScript(api *fakeapi.Server, script string) error {
	id, steps := "", script
	if before, after, ok := strings.Cut(script, "="); ok && schema.ValidBatchID(before) {
		id, steps = before, after
	}
	parsed, err := fakeapi.ParseScript(steps)
	if err != nil {
		return err
	}
	api.Script(id, parsed...)
	return nil
}
