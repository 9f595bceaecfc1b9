package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"enrow-export/sinks"
)

// Mark is the watermark in a script of load-sql --only-new: up to when the script loads
// each table, and under which name that is to be noted. It is a comment in the second
// line and in the last line, so that a script that was cut is detected.
type Mark struct {
	Watermark string               `json:"watermark"` // name
	Dialect   string               `json:"dialect"`
	Root      string               `json:"root"`  // of the files, as others have to name it
	UpTo      map[string]time.Time `json:"up_to"` // by table
}

const markPrefix = "-- enrow-export-watermark "

// SinceLast restricts cfg to entries that have changed since the last load that was
// confirmed, and sets m.UpTo. It reads the clock before the manifest is read.
func (m *Mark) SinceLast(ctx context.Context, cfg *Config) error {
	w, _, err := readWatermark(ctx, cfg.Store, m.Watermark)
	if err != nil {
		return err
	}
	cfg.Since, m.UpTo = make(map[string]time.Time), make(map[string]time.Time)
	for _, t := range cfg.Tables {
		cfg.Since[t.Name] = w.Tables[t.Name]
		m.UpTo[t.Name] = time.Now().UTC().Add(-watermarkSlack).Truncate(time.Millisecond)
	}
	return nil
}

// Comment returns the mark as a line of SQL.
func (m Mark) Comment() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and times have a JSON form
	}
	return markPrefix + string(text) + "\n"
}

// ReadMark returns the mark of a script, which must be in its last line, too. The
// error says in words that follow the script's name what is wrong with it.
func ReadMark(script io.Reader) (Mark, error) {
	var m Mark
	first, last := "", ""
	lines := bufio.NewReader(script)
	for {
		line, err := lines.ReadString('\n')
		if strings.HasPrefix(line, markPrefix) && first == "" {
			first = line
		}
		if line != "" {
			last = line
		}
		if err != nil {
			break
		}
	}
	if first == "" {
		return m, errors.New("has no watermark: it was not made with --only-new")
	}
	if last != first {
		return m, errors.New("is not whole: its last line is another")
	}
	dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(first, markPrefix)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || len(m.UpTo) == 0 {
		return m, errors.New("has a watermark that cannot be read")
	}
	return m, nil
}

// Confirm notes that a script with the mark has run, and returns up to when tables
// are loaded then.
func Confirm(ctx context.Context, store sinks.Store, m Mark) (Watermark, error) {
	return advanceWatermark(ctx, store, m.Watermark, m.UpTo)
}
