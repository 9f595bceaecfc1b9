package main

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	fencedCode = regexp.MustCompile("(?ms)^```.*?^```$")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headLine   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// links returns the targets of the links of a page that lead to this tree, in which
// the page has that name, and the anchors of the page's headings.
func links(t *testing.T, tree fs.FS, name string) (targets []string, anchors map[string]bool) {
	t.Helper()
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	prose := fencedCode.ReplaceAllString(string(text), "")
	anchors = make(map[string]bool)
	for _, head := range headLine.FindAllStringSubmatch(prose, -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(head[1])), "")
		anchors[strings.ReplaceAll(slug, " ", "-")] = true
	}
	for _, link := range linkTarget.FindAllStringSubmatch(inlineCode.ReplaceAllString(prose, ""), -1) {
		target, err := url.Parse(link[1])
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case target.Scheme != "":
		case target.Path == "":
			targets = append(targets, name+"#"+target.Fragment)
		default:
			targets = append(targets, path.Join(path.Dir(name), target.Path)+"#"+target.Fragment)
		}
	}
	return targets, anchors
}

// Every link of the README and of a page leads to a file, and to a heading if it
// names one. every page below docs is found from the README.
func TestLinksOfPages(t *testing.T) {
	tree := os.DirFS("../..")
	found := map[string]bool{"README.md": true}
	for queue := []string{"README.md"}; len(queue) > 0; queue = queue[1:] {
		targets, _ := links(t, tree, queue[0])
		for _, link := range targets {
			target, anchor, _ := strings.Cut(link, "#")
			if info, err := fs.Stat(tree, target); err != nil || info.IsDir() {
				t.Errorf("%s links to %s, which is no file", queue[0], target)
				continue
			}
			if !found[target] && path.Ext(target) == ".md" {
				queue = append(queue, target)
			}
			found[target] = true
			if anchor == "" {
				continue
			}
			if _, anchors := links(t, tree, target); !anchors[anchor] {
				t.Errorf("%s links to %s, which has no heading #%s", queue[0], target, anchor)
			}
		}
	}
	err := fs.WalkDir(tree, "docs", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(name) == ".md" && !found[name] {
			t.Errorf("no page links to %s", name)
		}
		return err
	})
	if err != nil || len(found) < 12 {
		t.Errorf("%d files found, error %v", len(found), err)
	}
}

// A page answers a question, with which it begins. The reference is a list.
func TestPagesBeginWithAQuestion(t *testing.T) {
	tree := os.DirFS("../..")
	names, err := fs.Glob(tree, "docs/*.md")
	if err != nil || len(names) < 8 {
		t.Fatalf("pages %q, error %v", names, err)
	}
	for _, name := range names {
		if name == "docs/reference.md" {
			continue
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(text), "\n\n")
		first, _, _ := strings.Cut(body, "\n\n")
		if !strings.HasPrefix(string(text), "# ") || !strings.HasSuffix(first, "?") {
			t.Errorf("%s begins with %q, which is no question", name, first)
		}
	}
}
