package s3

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

// awsURL is where Amazon S3 is, for the settings that depend on that.
const awsURL = "https://s3.amazonaws.com"

// Variables that name an endpoint for all programs that use the client library.
const (
	endpointEnv   = "AWS_ENDPOINT_URL"
	s3EndpointEnv = "AWS_ENDPOINT_URL_S3"
)

// endpoint returns the endpoint that the configuration or the environment names.
func (c Config) endpoint() string {
	for _, endpoint := range []string{c.Endpoint, os.Getenv(s3EndpointEnv), os.Getenv(endpointEnv)} {
		if endpoint != "" {
			return endpoint
		}
	}
	return ""
}

// check returns an error for the first setting that cannot be obeyed.
func (c Config) check() error {
	if err := checkBucket(c.Bucket); err != nil {
		return err
	}
	if c.Prefix != "" && (sinks.CheckName(c.Prefix) != nil || !utf8.ValidString(c.Prefix)) {
		return &sinks.AdvisedError{
			Text: fmt.Sprintf("prefix %q: segments must not be empty, . or .., nor hold backslashes or control characters", c.Prefix),
			Hint: "write s3://bucket/prefix",
		}
	}
	if err := checkEndpoint("--s3-endpoint", c.Endpoint); err != nil {
		return err
	}
	if c.Endpoint == "" {
		for _, name := range []string{s3EndpointEnv, endpointEnv} {
			if err := checkEndpoint(name, os.Getenv(name)); err != nil {
				return err
			}
		}
	}
	if c.CAFile != "" {
		if _, err := c.authorities(); err != nil {
			return err
		}
	}
	isKMS := strings.HasPrefix(c.SSE, "aws:kms")
	switch {
	case !slices.Contains([]string{"", "AES256", "aws:kms", "aws:kms:dsse"}, c.SSE):
		return &sinks.AdvisedError{Text: fmt.Sprintf("--s3-sse: %q is not a kind of encryption", c.SSE), Hint: "give AES256, aws:kms or aws:kms:dsse"}
	case c.KMSKey != "" && !isKMS:
		return &sinks.AdvisedError{Text: "--s3-kms-key needs encryption by KMS", Hint: "give --s3-sse aws:kms, too"}
	case c.BucketOwner != "" && !isAccount(c.BucketOwner):
		return &sinks.AdvisedError{Text: "--s3-bucket-owner is not the number of an account", Hint: "give the 12 digits of the account that owns the bucket"}
	case c.Region != "" && !regionName.MatchString(c.Region):
		return &sinks.AdvisedError{Text: fmt.Sprintf("--s3-region: %q is not a region", c.Region), Hint: "give a region such as eu-west-3"}
	}
	return nil
}

func isAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}

// checkBucket refuses what cannot be the name of a bucket.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func checkBucket(name string) error {
	const hint = "write s3://bucket or s3://bucket/prefix"
	alphanumeric := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	ok := len(name) >= 3 && len(name) <= 63 && alphanumeric(name[0]) && alphanumeric(name[len(name)-1])
	for i := 0; ok && i < len(name); i++ {
		ok = alphanumeric(name[i]) || name[i] == '-' || name[i] == '.' && name[i-1] != '.'
	}
	if _, err := netip.ParseAddr(name); err == nil {
		ok = false
	}
	switch {
	case !ok:
		return &sinks.AdvisedError{
			Text: fmt.Sprintf("%q is not a bucket's name: it takes 3 to 63 of a-z, 0-9, dash and dot", name), Hint: hint,
		}
	case strings.HasSuffix(name, "--x-s3"):
		return &sinks.AdvisedError{
			Text: fmt.Sprintf("%q is a directory bucket, which does not list objects in order", name),
			Hint: "use a general purpose bucket",
		}
	}
	return nil
}

// checkEndpoint refuses what cannot be the URL of a store. Plain http is allowed: many
// stores of one's own have it, and who names an endpoint has chosen. setting is the name
// of the flag or variable.
func checkEndpoint(setting, endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !network.ValidPort(u) ||
		u.User != nil || strings.ContainsAny(endpoint, "?#"):
		return &sinks.AdvisedError{
			Text: setting + " is not the URL of a store",
			Hint: "write https://host or https://host:port, or http:// for a store without TLS",
		}
	case strings.HasSuffix("."+strings.ToLower(u.Hostname()), ".storage.googleapis.com"):
		return &sinks.AdvisedError{
			Text: setting + " is Google's: it ignores the conditions of writes to S3",
			Hint: "write gs://bucket/prefix for a bucket of Google Cloud Storage",
		}
	}
	return nil
}

// needsPathStyle reports whether a bucket cannot be put before the host of an endpoint.
func needsPathStyle(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || endpoint == "" {
		return false
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err == nil || !strings.Contains(u.Hostname(), ".")
}

// maxCAFile bounds a file of certificates; that of a whole system has a quarter of a
// mebibyte.
const maxCAFile = 16 << 20

// authorities returns the authorities of the system and those of CAFile.
func (c Config) authorities() (*x509.CertPool, error) {
	const hint = "name a file with certificates in PEM form"
	info, err := os.Stat(c.CAFile)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", c.CAFile) // another kind may never end
	}
	if err != nil {
		return nil, &sinks.AdvisedError{Text: fmt.Sprintf("--s3-ca-file: %v", err), Hint: hint}
	}
	f, err := os.Open(c.CAFile)
	if err != nil {
		return nil, &sinks.AdvisedError{Text: fmt.Sprintf("--s3-ca-file: %v", err), Hint: hint}
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxCAFile))
	if err != nil {
		return nil, &sinks.AdvisedError{Text: fmt.Sprintf("--s3-ca-file: %v", err), Hint: hint}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, &sinks.AdvisedError{Text: fmt.Sprintf("--s3-ca-file: %s has no certificate", c.CAFile), Hint: hint}
	}
	return pool, nil
}
