package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

const (
	// responseTimeout is when a request that was sent counts as lost.
	responseTimeout = time.Minute
	// credentialsTimeout bounds the search for credentials.
	credentialsTimeout = 20 * time.Second
	// anyRegion is what stores that have no regions are told.
	anyRegion = "us-east-1"
)

// connect returns the client. It makes the client, and looks for credentials, if there
// is none yet.
func (s *Store) connect(ctx context.Context) (*s3.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.closed.Load() {
		return nil, errClosed
	}
	if client := s.client.Load(); client != nil {
		return client, nil
	}
	select {
	case s.building <- struct{}{}:
		defer func() { <-s.building }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if client := s.client.Load(); client != nil {
		return client, nil
	}
	if s.closed.Load() {
		return nil, errClosed
	}
	client, transport, err := s.newClient(ctx)
	if err != nil {
		return nil, err
	}
	s.http = transport
	s.client.Store(client)
	return client, nil
}

// newClient makes a client with the settings of the environment and the profile.
func (s *Store) newClient(ctx context.Context) (*s3.Client, *http.Client, error) {
	limited, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	services := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.OnProxyConnectResponse = network.OnProxyConnectResponse
		t.DisableKeepAlives = true // that credentials come from: asked once an hour
	})
	if s.cfg.CAFile != "" {
		pool, err := s.cfg.authorities()
		if err != nil {
			return nil, nil, unreachable(err)
		}
		services = services.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = pool })
	}
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(services),
		config.WithLogger(logging.Nop{}), // the library writes to the standard error
		config.WithAPIOptions([]func(*middleware.Stack) error{addUserAgent(s.cfg.UserAgent)}),
	}
	if s.cfg.Region != "" {
		options = append(options, config.WithRegion(s.cfg.Region))
	}
	cfg, err := config.LoadDefaultConfig(limited, options...)
	if err != nil {
		return nil, nil, ended(ctx, badConfiguration(err))
	}
	cfg.Credentials = &watchedCredentials{cfg.Credentials}

	buildable, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, nil, errNotOurs
	}
	// The library's own client follows a redirect, and cannot be closed.
	transport := &http.Client{
		Transport: buildable.WithTransportOptions(func(t *http.Transport) {
			t.DisableKeepAlives = false
			t.MaxIdleConnsPerHost = 2 * s.Traits().Operations
			t.ResponseHeaderTimeout = s.responseTimeout
		}).GetTransport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient = transport
		o.Retryer = aws.NopRetryer{} // retry looks first
		o.RetryMaxAttempts = 0
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.ContinueHeaderThresholdBytes = -1 // some stores leave the client waiting for a 100
		o.DisableLogOutputChecksumValidationSkipped = true
		if s.cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(strings.TrimRight(s.cfg.Endpoint, "/"))
		}
		o.UsePathStyle = s.cfg.PathStyle || needsPathStyle(aws.ToString(o.BaseEndpoint))
		if o.Region == "" && o.BaseEndpoint != nil {
			o.Region = anyRegion
		}
	})
	o := client.Options()
	if err := checkEndpoint("the endpoint of the AWS profile", aws.ToString(o.BaseEndpoint)); err != nil {
		return nil, nil, unreachable(err)
	}
	if o.Region == "" {
		return nil, nil, unreachable(&sinks.AdvisedError{
			Text: "the region of bucket s3://" + s.cfg.Bucket + " is not known",
			Hint: "give --s3-region, or set AWS_REGION, or region in the AWS profile",
		})
	}
	if _, err := cfg.Credentials.Retrieve(limited); err != nil {
		return nil, nil, ended(ctx, s.classify(err, nil, ""))
	}
	return client, transport, nil
}

// errNotOurs would mean that the client library has changed.
var errNotOurs = errors.New("the client library has made an HTTP client of another type")

// ended returns the error of ctx for an err after its end, else err.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// addUserAgent names the program to services.
func addUserAgent(agent string) func(*middleware.Stack) error {
	name, version, _ := strings.Cut(agent, "/")
	switch {
	case name == "":
		return func(*middleware.Stack) error { return nil }
	case version == "":
		return awsmiddleware.AddUserAgentKey(name)
	}
	return awsmiddleware.AddUserAgentKeyValue(name, version)
}
