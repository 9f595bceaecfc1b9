package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

// The permissions that the store needs.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
const (
	listPermission   = "s3:ListBucket"
	getPermission    = "s3:GetObject"
	putPermission    = "s3:PutObject"
	deletePermission = "s3:DeleteObject"
)

func notExist(name string) error {
	return fmt.Errorf("%s: %w", name, sinks.ErrNotExist)
}

func unreachable(err error) error {
	return fmt.Errorf("%w: %w", sinks.ErrUnreachable, err)
}

// PermissionError says that the credentials lack permissions on the bucket.
type PermissionError struct {
	Bucket      string
	Permissions []string
}

func (e *PermissionError) Error() string {
	noun := "permission"
	if len(e.Permissions) > 1 {
		noun += "s"
	}
	return fmt.Sprintf("the credentials lack the %s %s on s3://%s", noun, strings.Join(e.Permissions, ", "), e.Bucket)
}

// Advice returns what to do.
func (e *PermissionError) Advice() string {
	if slices.ContainsFunc(e.Permissions, func(p string) bool { return strings.HasPrefix(p, "kms:") }) {
		return "allow kms:GenerateDataKey and kms:Decrypt on the key that encrypts the bucket, in the policy of the key or of the credentials"
	}
	return "allow s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject on its objects, in the policy of the bucket or of the credentials"
}

// response is what is known of a response that was an error. A status of 0 means that
// there was none.
type response struct {
	status  int
	code    string // such as NoSuchKey; of a HEAD it is made of the status
	message string // not to be shown: it names accounts
	region  string // of the bucket, where the service tells it
}

// responseOf returns the response that err is about.
func responseOf(err error) response {
	var r response
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.Response != nil {
		r.status = answer.HTTPStatusCode()
		r.region = answer.Response.Header.Get("X-Amz-Bucket-Region")
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		r.code, r.message = api.ErrorCode(), api.ErrorMessage()
	}
	if !codeName.MatchString(r.code) || r.code == "UnknownError" {
		r.code = ""
	}
	return r
}

var (
	// codeName is what an error code looks like that is shown.
	codeName = regexp.MustCompile(`^[A-Za-z0-9.]{1,80}$`)
	// permissionName finds the permission that the service says is missing.
	permissionName = regexp.MustCompile(`\b(s3|kms):[A-Z][A-Za-z]+\b`)
	// expectedRegion finds the region that the service says is right.
	expectedRegion = regexp.MustCompile(`expecting '([a-z0-9-]+)'`)
	regionName     = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
)

// noSuchKey reports whether err says that there is no such object.
func noSuchKey(err error) bool {
	r := responseOf(err)
	return r.status == http.StatusNotFound && (r.code == "NoSuchKey" || r.code == "NotFound")
}

// failedCondition reports whether err says that the condition of a request does not hold.
// If-Match of an object that is gone is a 404. To a put of a new object S3 never returns one.
func failedCondition(err error, cond sinks.Condition) bool {
	r := responseOf(err)
	return r.status == http.StatusPreconditionFailed || !cond.Absent() && noSuchKey(err)
}

// noConditions reports whether the service knows no conditions.
func (r response) noConditions() bool {
	return r.status == http.StatusNotImplemented || r.code == "NotImplemented"
}

// passingCodes are the codes of errors that another try may not meet.
var passingCodes = []string{
	"ConditionalRequestConflict", "OperationAborted", // others are faster
	"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "RequestLimitExceeded", "BandwidthLimitExceeded",
	"BadDigest", "XAmzContentChecksumMismatch", // the request was changed on its way
}

// passes reports whether another try may have another response.
func (r response) passes() bool {
	switch {
	case r.noConditions():
		return false
	case r.status < 300: // it ended before its end
		return true
	}
	return r.status == http.StatusRequestTimeout || r.status == http.StatusTooManyRequests || r.status >= 500 ||
		strings.HasPrefix(r.code, "Throttl") || slices.Contains(passingCodes, r.code)
}

// passing reports whether another try may succeed after err, the error of a request.
func passing(err error) bool {
	var credentials *credentialsError
	switch {
	case err == nil, isFinal(err), errors.As(err, &credentials):
		return false
	}
	if r := responseOf(err); r.status != 0 {
		return r.passes()
	}
	return isConnection(err) && network.Lasting(err) == nil
}

// bodyError is an error of a connection while a response is read.
type bodyError struct{ error }

func (e *bodyError) Unwrap() error { return e.error }

// isConnection reports whether a request was made that got no response, or a part of one.
func isConnection(err error) bool {
	var send *smithyhttp.RequestSendError
	var body *bodyError
	return errors.As(err, &send) || errors.As(err, &body)
}

// protocolError is what a store says that no store of the protocol says.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// isFinal reports whether err is in the words of the store already.
func isFinal(err error) bool {
	var conflict *sinks.ConflictError
	var advised *sinks.AdvisedError
	var protocol protocolError
	return errors.As(err, &protocol) || errors.As(err, &conflict) || errors.As(err, &advised) || errors.Is(err, sinks.ErrNotExist) ||
		errors.Is(err, sinks.ErrUnreachable) || errors.Is(err, errClosed) || errors.Is(err, context.Canceled)
}

// classify turns an error of the client into one of the store's contract. permissions
// are those that the operation needs; name is the object, which the caller names again
// but for one that does not exist. What the service says in words is left out: it names
// accounts.
func (s *Store) classify(err error, permissions []string, name string) error {
	if err == nil || isFinal(err) {
		return err
	}
	var credentials *credentialsError
	isCredentials := errors.As(err, &credentials)
	r := responseOf(err)
	switch fault := network.Lasting(err); {
	case r.status >= 300 && !isCredentials:
		return s.classifyResponse(r, permissions, name)
	case fault != nil: // before credentials: there may be none because of it
		return unreachable(fmt.Errorf("no connection to S3: %w", fault))
	case isCredentials:
		return unreachable(credentials.advised())
	case r.status != 0 || isConnection(err):
		return classifyConnection(err)
	}
	return fmt.Errorf("no request to S3 was made: %w", err)
}

// classifyConnection returns the error of a request that got no response, or half a one.
// None of its errors is a context.DeadlineExceeded, as some of the network are: the
// operation had more time.
func classifyConnection(err error) error {
	var op *net.OpError
	var lookUp *net.DNSError
	var timeout interface{ Timeout() bool }
	cause := innermost(err)
	switch {
	case errors.As(err, &lookUp), errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return unreachable(&sinks.AdvisedError{
			Text: "no connection to S3: " + cause.Error(),
			Hint: "check the network, and --s3-endpoint or AWS_ENDPOINT_URL if the store is not Amazon's",
		})
	case errors.Is(err, errDamaged):
		return errDamaged
	case errors.As(err, &timeout) && timeout.Timeout():
		return failing("S3 did not respond in time")
	}
	return failing("the connection to S3 was cut off: " + cause.Error())
}

// innermost returns what a connection met, without the URLs and names of operations
// that the libraries put before it.
func innermost(err error) error {
	var malformed *smithy.DeserializationError
	if errors.As(err, &malformed) {
		return errors.New("the response cannot be read")
	}
	var send *smithyhttp.RequestSendError
	var body *bodyError
	switch {
	case errors.As(err, &send):
		err = send.Err
	case errors.As(err, &body):
		err = body.error
	}
	var request *url.Error
	for errors.As(err, &request) {
		err = request.Err
	}
	if strings.Contains(err.Error(), "malformed") { // which quotes the server
		return errors.New("the response is not one of HTTP")
	}
	return err
}

// failing is the error of a service that may do at another time what it does not do now.
func failing(text string) error {
	return &sinks.AdvisedError{
		Text: text,
		Hint: "S3 is busy or failing: run again later; a run continues where the last one stopped",
	}
}
