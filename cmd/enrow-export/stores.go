package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
)

// scheme is a kind of bucket: how its URLs begin, and how its store is opened. A store is
// added in schemes, and its flags in storeGroup.
type scheme struct {
	name string // of its URLs: gs of gs://bucket/prefix
	// others are schemes that other programs have for it.
	others []string
	// flags are the names of the flags that say how to reach it.
	flags []string
	// open returns the store. It touches nothing yet. What is wrong with the settings is a
	// usage error.
	open func(r root) (sinks.Store, error)
	// service returns the URL of the service that keeps the buckets.
	service func(r root) string
}

func schemes() []*scheme {
	return []*scheme{
		{name: "gs", others: []string{"gcs"}, flags: flagNames(gcsFlags()), open: openGCS, service: func(root) string { return gcs.ServiceURL() }},
		{name: "s3", others: []string{"s3a", "s3n"}, flags: flagNames(s3Flags()), open: openS3, service: func(r root) string { return r.s3Config().ServiceURL() }},
	}
}

// schemeOf returns the scheme of a URL of a bucket, nil when it is another one or none.
func schemeOf(at string) *scheme {
	name, _, _ := strings.Cut(at, "://")
	for _, s := range schemes() {
		if s.name == name && strings.HasPrefix(at, s.url()) {
			return s
		}
	}
	return nil
}

// schemeMeant returns the scheme that a name stands for, in any case, nil when none has it.
func schemeMeant(name string) *scheme {
	name = strings.ToLower(name)
	for _, s := range schemes() {
		if s.name == name || slices.Contains(s.others, name) {
			return s
		}
	}
	return nil
}

// url returns how its URLs begin.
func (s *scheme) url() string { return s.name + "://" }

// bucketURLs returns how all URLs with something in a bucket look.
func bucketURLs(of string) string {
	var all []string
	for _, s := range schemes() {
		all = append(all, s.url()+"bucket/"+of)
	}
	return strings.Join(all, ", ")
}

// storeUse says what a command does with a root.
type storeUse bool

const (
	reads  storeUse = false
	writes storeUse = true
)

// storeGroup is the flags of the stores, but for those that toFlags has.
func storeGroup(use storeUse) flagGroup {
	flags := s3Flags()
	if use == writes {
		flags = append(flags, singleWriterFlag()...)
	}
	return flagGroup{"Amazon S3 and stores that speak its protocol", flags}
}

// checkStoreFlags refuses a flag of a store when no root of the call is in such a store:
// it would do nothing. Flags that variables set are for all calls. All flags have the form
// --name=value.
func checkStoreFlags(cmd *command, typed, fromVariables []string) error {
	var used []*scheme
	roots := 0
	for _, flag := range slices.Concat(typed, fromVariables) {
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		if f := cmd.flag(name); f == nil || !f.place {
			continue
		}
		roots++
		if s := schemeMeant(schemeIn(value)); s != nil { // another check says how it is written
			used = append(used, s)
		}
	}
	for _, flag := range typed {
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		f := cmd.flag(name)
		if f == nil || f.store == "" || value == "" || value == "false" || roots == 0 {
			continue
		}
		if !slices.ContainsFunc(used, func(s *scheme) bool { return s.name == f.store }) {
			return usagef("leave it out, or write "+f.store+"://bucket/prefix for ROOT", "--%s: the call names no %s:// bucket", name, f.store)
		}
	}
	return nil
}

func flagNames(flags []*flagDef) (names []string) {
	for _, f := range flags {
		names = append(names, f.name)
	}
	return names
}

// typedFlags returns the flags of a call that say how to reach a store, for another command.
func (s *scheme) typedFlags(c *cli.Context) string {
	call := ""
	for _, name := range s.flags {
		switch value := c.Value(name).(type) {
		case string:
			if value != "" {
				call += " --" + name + " " + shellWord(value)
			}
		case bool:
			if value {
				call += " --" + name
			}
		}
	}
	return call
}
