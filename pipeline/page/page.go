// Package page is the one page that shows a root and its runs to somebody without a
// terminal: is all well, what was exported, what it cost, what has failed and what to do.
//
// A page is one HTML document that loads nothing and has no script, so that it can be a
// file in a mail, an object in a bucket or an answer of a server. Its style is inline, and
// its Content-Security-Policy names the style by its hash. Charts are SVG that is drawn
// here: bars and lines need no library. Each chart has a title, a description and a table
// with the same numbers.
//
// Texts of the manifest and of runs are anybody's. All of them are cut and escaped in
// clip, and html/template quotes them. Custom texts of batches are never shown. Every list
// has a limit, so that the page of a hundred thousand batches is as small as that of ten.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/runs"
)

// Data is the content of a page. The same Data gives the same bytes.
type Data struct {
	Title string // of the document
	To    string // the root, as it was given; empty when it is not known
	// Overview is nil when only runs are known.
	Overview *overview.Overview
	Runs     []runs.Line // the oldest first
	Now      time.Time
	Version  string   // of the program
	Service  *Service // nil on a page that no service has made
}

// Service is the state of a running service.
type Service struct {
	Since time.Time // when it began
	Ready bool
	Why   string // it is not ready
	// NextRun is when it looks for batches again, zero while a run is under way.
	NextRun time.Time
	// Then is since when the command that follows a run is running, zero if it is not.
	Then time.Time
	// Announced counts the batches that were announced to it since it began.
	Announced int64
}

var (
	//go:embed style.css
	style string
	//go:embed page.tmpl
	source string

	parsed = template.Must(template.New("page").Parse(source))
)

// policy returns the directives that a document may set itself.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

// Policy returns the Content-Security-Policy that a server sends with a page. It says what
// the document says itself, and that no other page may frame it.
func Policy() string { return policy() + "; frame-ancestors 'none'" }

// Write writes the page. The error is one of w.
func Write(w io.Writer, d Data) error {
	var page bytes.Buffer
	if err := parsed.Execute(&page, newView(d)); err != nil {
		panic(err) // a mistake in the template, which every test meets
	}
	if _, err := page.WriteTo(w); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}
