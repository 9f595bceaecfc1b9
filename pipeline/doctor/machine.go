package doctor

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"enrow-export/sinks/network"
	"enrow-export/sinks/platform"
)

// Open files of a run with the default concurrency, and of each further batch. Package
// export and docs/machine.md have the same numbers.
const (
	usualFiles       = 60
	filesOfABatch    = 3
	usualConcurrency = 4
)

// api checks the way to the API, the key and the clock.
func api(ctx context.Context, cfg Config, r *reporter) {
	r.net("api-network", cfg.APIURL, nil)
	const key, clock = "api-key", "api-clock"
	switch {
	case cfg.KeyErr != nil:
		r.fail(ctx, key, cfg.KeyErr, "")
		r.skip("it needs a key that can be read", clock)
		return
	case cfg.API == nil:
		r.skip("no key was given: set ENROW_API_KEY, or name a file with --api-key-file", key)
		r.skip("it needs a key", clock)
		return
	}
	before := cfg.Now()
	account, err := cfg.API.Account(ctx)
	after := cfg.Now()
	credits, isNumber := new(big.Rat).SetString(account.Credits)
	switch {
	case err != nil:
		r.fail(ctx, key, err, "")
	case isNumber && credits.Sign() <= 0:
		r.warn(key, "buy credits: Enrow may refuse requests of an account without credits", "the key is accepted, and the account has %s credits", account.Credits)
	default:
		text := fmt.Sprintf("the key is accepted, and the account has %s credits", account.Credits)
		if account.Webhooks > 0 {
			text += " and " + count(account.Webhooks, "webhook")
		}
		r.ok(key, "%s", text)
	}
	if account.Date.IsZero() {
		r.skip("the API did not tell its time", clock)
		return
	}
	signed := slices.ContainsFunc(cfg.Roots, func(r Root) bool { return r.Service != "" })
	r.clock(clock, "Enrow's", account.Date, before, after, signed)
}

// net reports how requests to a URL leave this machine. The certificates are those that
// are trusted, none for those that the system and the environment say.
func (r *reporter) net(name, target string, certificates []string) {
	err := network.CheckEnvironment(target)
	if setting := (*network.SettingError)(nil); errors.As(err, &setting) {
		r.tell(Check{Name: name, Status: Failed, Err: setting, Hint: setting.Hint})
		return
	}
	way := "without a proxy"
	if proxy, err := network.Proxy(target); err == nil && proxy != "" {
		way = "through the proxy " + proxy
	}
	trust := ", certificates of the system"
	if !strings.HasPrefix(target, "https:") {
		trust = ", without TLS"
	} else if certificates = slices.Concat(certificates, network.Certificates()); certificates != nil {
		trust = ", certificates of " + strings.Join(certificates, " and ")
	}
	r.ok(name, "%s %s%s", target, way, trust)
}

// machine checks what a run needs of this machine.
func machine(cfg Config, r *reporter) {
	const files, temporary = "open-files", "temporary-files"
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		r.warn(files, "", "the limit of open files cannot be read: %v", err)
	} else {
		r.openFiles(files, limit.Cur)
	}

	dir := os.TempDir()
	f, err := os.CreateTemp(dir, "enrow-export-*")
	if err != nil {
		r.tell(Check{Name: temporary, Status: Failed, Err: err, Hint: "set TMPDIR to a directory that can be written: compact keeps temporary files there"})
		return
	}
	_, err = f.WriteString("enrow-export check\n")
	err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	free, spaceErr := platform.Space(dir)
	switch {
	case err != nil:
		r.tell(Check{Name: temporary, Status: Failed, Err: err, Hint: "set TMPDIR to a directory that can be written: compact keeps temporary files there"})
	case spaceErr != nil:
		r.warn(temporary, "", "%s can be written; its free space is not known: %v", dir, spaceErr)
	case free < cfg.Spool:
		r.warn(temporary, "free some space, or set TMPDIR to another directory: compact keeps a packed file there while it makes the file",
			"%s can be written, and has only %s free", dir, humanize.IBytes(free))
	default:
		r.ok(temporary, "%s can be written, and has %s free", dir, humanize.IBytes(free))
	}
}

// openFiles judges a limit of open files.
func (r *reporter) openFiles(name string, limit uint64) {
	const most = 1024 // batches at a time
	switch room := int64(min(limit, 1<<30)) - usualFiles; {
	case room < 0:
		r.tell(Check{
			Name: name, Status: Failed, Err: fmt.Errorf("this process may have %s, and a run needs %d", count(limit, "open file"), usualFiles),
			Hint: "raise the limit: ulimit -n 1024",
		})
	default:
		r.ok(name, "this process may have %s: enough for --concurrency %d", count(min(limit, 1<<30), "open file"), min(usualConcurrency+room/filesOfABatch, most))
	}
}
