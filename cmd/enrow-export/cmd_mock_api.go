package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

func (p *program) mockAPICommand() command {
	return command{
		name:  "mock-api",
		topic: topicLearn,
		usage: "serve the embedded API, for tests",
		description: "It serves saved responses, generated batches of one kind, and Enrow's documented sample of email searches, " +
			"until it is interrupted. It prints its address and the ids of its batches.\n\n" +
			"A POST to /email/find/bulk, /email/verify/bulk or /phone/bulk starts a batch with generated results, one for each " +
			"item of the longest array in the body. With --webhook, a batch that a POST started is announced when it finishes, " +
			"once and without retries.\n\n" +
			"--script sets the responses to the first requests. STEPS is a list with commas:\n" +
			"  ok             the normal response\n" +
			"  ongoing        a batch that is still running; ongoing:202 with that status\n" +
			"  failed         a batch that failed\n" +
			"  page           an HTML page with the status 200\n" +
			"  503            that status: 400 401 402 404 422 429 500 503 ...\n" +
			"  503:VARIANT    with another body: reason, old, html or empty\n" +
			"  503;retry-after=VALUE  with that header\n" +
			"  truncate:N     the connection breaks after N bytes of the body\n" +
			"  cut:N          the body ends after N bytes as if it were complete\n" +
			"  hang, drop     no response; the connection closed at once\n" +
			"  redirect:URL   a redirect to URL\n" +
			"xN repeats a step N times: 503x2,ok.",
		examples: []example{
			{"100 batches of 5,000 results", "enrow-export mock-api --generate 100"},
			{"the first two requests fail", "enrow-export mock-api --generate 3 --script 503x2"},
			{"announce to a webhook", "enrow-export mock-api --announce --webhook http://127.0.0.1/hooks/SECRET"},
		},
		exits: exitCodes(exit{"1", "it cannot listen on the address"}),
		groups: []flagGroup{
			{"Batches", []*flagDef{
				kindFlag(),
				intFlag("generate", 0, "number of batches to generate", notNegative),
				intFlag("rows", 5000, "results in each batch", notNegative),
				intFlag("seed", 1, "seed of the generated contents", notNegative),
				textFlag("batches", "DIR", "", "directory of saved responses, ID.json for each batch").file().directory(),
			}},
			{"Behaviour", []*flagDef{
				textFlag("addr", "HOST:PORT", "127.0.0.1:8787", "address to listen on; port 0 is any free one"),
				textFlag("key", "KEY", "", "API key to accept").or("any"),
				intFlag("ongoing", 0, "first requests for which a batch is ongoing", notNegative),
				intFlag("ongoing-status", 200, "status of an ongoing batch: 200 or 202", intOf(200, 202)),
				intFlag("unknown-status", 400, "status of an unknown id: 400 or 404", intOf(400, 404)),
				listFlag("script", "STEPS", "first responses, or ID=STEPS for one batch"),
			}},
			{"Announcing", []*flagDef{
				webhookFlag(),
				boolFlag("announce", "announce all served batches at the start, too"),
				durationFlag("finish-after", 0, "time after which a batch that a POST started is finished", notNegative),
			}},
		},
		action: p.mockAPI,
	}
}

func webhookFlag() *flagDef {
	f := textFlag("webhook", "URL", "", "webhook that finished batches are announced to").
		more("Enrow takes https alone. This command takes http, too.")
	f.parse = func(flag, value string) (string, error) {
		if u, err := url.Parse(value); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return "", usagef("such as http://127.0.0.1:8080/hooks/SECRET", "%s: not an http or https URL", flag)
		}
		return value, nil
	}
	return f
}

func (p *program) mockAPI(c *cli.Context) error {
	if c.Bool("announce") && c.String("webhook") == "" {
		return usagef("add --webhook URL", "--announce: no webhook to announce batches to")
	}
	api, ids, err := p.newMockAPI(c)
	if err != nil {
		return err
	}
	defer api.Close()
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
	text := fmt.Sprintf("serving %s until interrupted; in another shell:\n  ENROW_API_URL=%s ENROW_API_KEY=%s enrow-export export --to out%s %s",
		count(int64(len(ids)), "batch"), listener.URL(), key, kind, ids[0])
	p.journal().tell(text, (*slog.Logger).Info, "serving until interrupted", "batches", len(ids), "url", listener.URL())
	if c.Bool("announce") {
		for _, id := range ids {
			p.announced(id, api.Announce(c.Context, id))
		}
	}
	<-c.Done()
	return context.Cause(c.Context)
}

// announced says how an announcement went. The URL is not told: it has a secret in it.
func (p *program) announced(id string, err error) {
	switch {
	case err == nil:
		p.journal().tell("announced "+id, (*slog.Logger).Info, "announced", pipeline.LogBatch, id)
	case !errors.Is(err, context.Canceled):
		p.journal().tell(fmt.Sprintf("not announced %s: %v", id, err), (*slog.Logger).Error, "not announced", pipeline.LogBatch, id, "error", err)
	}
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
func (p *program) newMockAPI(c *cli.Context) (*fakeapi.Server, []string, error) {
	options := fakeapi.Options{
		OngoingStatus: c.Int("ongoing-status"), UnknownStatus: c.Int("unknown-status"),
		FinishAfter: c.Duration("finish-after"), OngoingPolls: c.Int("ongoing"), Webhook: c.String("webhook"), Announced: p.announced,
	}
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
		return nil, nil, usagef("add --generate N or --batches DIR", "nothing to serve: Enrow documents no sample of kind %s", table.Kind)
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
