package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/auth"
	"google.golang.org/api/googleapi"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

// The permissions that the store needs on the bucket. Replacing an object takes
// both create and delete.
// Source: https://cloud.google.com/storage/docs/access-control/iam-json
const (
	getPermission    = "storage.objects.get"
	listPermission   = "storage.objects.list"
	createPermission = "storage.objects.create"
	deletePermission = "storage.objects.delete"
)

func notExist(name string) error {
	return fmt.Errorf("%s: %w", name, sinks.ErrNotExist)
}

func unreachable(err error) error {
	return fmt.Errorf("%w: %w", sinks.ErrUnreachable, err)
}

func isCode(err error, code int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == code
}

// PermissionError says that the credentials lack permissions on the bucket.
type PermissionError struct {
	Bucket      string
	Permissions []string
}

func (e *PermissionError) Error() string {
	if len(e.Permissions) == 1 {
		return fmt.Sprintf("the credentials lack the permission %s on gs://%s", e.Permissions[0], e.Bucket)
	}
	return fmt.Sprintf("the credentials lack the permissions %s on gs://%s", strings.Join(e.Permissions, ", "), e.Bucket)
}

// Advice returns what to do.
func (e *PermissionError) Advice() string {
	return "grant the role Storage Object User (roles/storage.objectUser) on the bucket to the account of the credentials"
}

// permissionName finds the permission that the service says is missing.
var permissionName = regexp.MustCompile(`storage\.[a-z]+\.[a-zA-Z]+`)

// classify turns an error of the client into one of the store's contract.
// permission is what the operation needs; name is the object, which the caller
// names again but for one that does not exist. What the service says in words is
// left out: it names accounts.
func (s *Store) classify(err error, permission, name string) error {
	var answer *googleapi.Error
	var token *auth.Error
	var dial *net.OpError
	var lookUp *net.DNSError
	var request *url.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &answer):
		return s.classifyAnswer(answer, permission, name)
	case network.Lasting(err) != nil: // before a token: there may be none because of it
		return unreachable(fmt.Errorf("no connection to Cloud Storage: %w", network.Lasting(err)))
	case errors.As(err, &token):
		return unreachable(&sinks.AdvisedError{
			Text: "the credentials for Cloud Storage get no token: they are wrong, revoked or expired",
			Hint: "run gcloud auth application-default login again, or give another key file with --gcs-credentials-file",
		})
	}
	for errors.As(err, &request) { // its text repeats the whole URL
		err = request.Err
	}
	if errors.As(err, &lookUp) || errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect") {
		return unreachable(fmt.Errorf("no connection to Cloud Storage: %w", err))
	}
	return err
}

func (s *Store) classifyAnswer(answer *googleapi.Error, permission, name string) error {
	reason, message := said(answer)
	switch answer.Code {
	case 401:
		return unreachable(&sinks.AdvisedError{
			Text: "the credentials are not accepted by Cloud Storage",
			Hint: "run gcloud auth application-default login again, or give another key file with --gcs-credentials-file",
		})
	case 403:
		switch reason {
		case "rateLimitExceeded", "userRateLimitExceeded":
			return failing("refused by Cloud Storage: " + reason)
		case "retentionPolicyNotMet", "objectUnderActiveHold":
			return &sinks.AdvisedError{
				Text: "refused by Cloud Storage: " + reason,
				Hint: "manifest entries and files are replaced: use a bucket without a retention policy and without holds",
			}
		case "", "forbidden", "insufficientPermissions", "required":
			if named := permissionName.FindString(message); named != "" {
				permission = named
			}
			return unreachable(&PermissionError{Bucket: s.cfg.Bucket, Permissions: []string{permission}})
		}
		return unreachable(fmt.Errorf("refused by Cloud Storage: %s", reason))
	case 407:
		return unreachable(&network.Fault{Text: "the proxy wants a user and password", Hint: network.ProxyUserHint})
	case 404:
		switch {
		case permission == listPermission, message == "" && permission == createPermission, // an emulator says nothing
			strings.Contains(message, "bucket does not exist"):
			return unreachable(&sinks.AdvisedError{
				Text: fmt.Sprintf("bucket gs://%s does not exist", s.cfg.Bucket),
				Hint: "check the name of the bucket, or create it: gcloud storage buckets create gs://" + s.cfg.Bucket,
			})
		case permission != createPermission: // else an upload that was forgotten
			return notExist(name)
		}
	}
	text := fmt.Sprintf("Cloud Storage returned %d", answer.Code)
	if reason != "" {
		text += " " + reason
	}
	if answer.Code == 408 || answer.Code == 429 || answer.Code >= 500 {
		return failing(text)
	}
	return errors.New(text)
}

// failing is the error of a service that may do at another time what it does not do now.
func failing(text string) error {
	return &sinks.AdvisedError{
		Text: text,
		Hint: "Cloud Storage is busy or failing: run again later; a run continues where the last one stopped",
	}
}

// said returns why the service answered with an error, in one word and in many.
// Of a download the library does not read the answer.
func said(answer *googleapi.Error) (reason, message string) {
	if len(answer.Errors) > 0 {
		return answer.Errors[0].Reason, answer.Message
	}
	var body struct {
		Error struct {
			Message string
			Errors  []struct{ Reason string }
		}
	}
	if json.Unmarshal([]byte(answer.Body), &body) != nil || len(body.Error.Errors) == 0 {
		return "", answer.Message + answer.Body
	}
	return body.Error.Errors[0].Reason, body.Error.Message
}

// Check reports, as sinks.ErrUnreachable, that there is no such bucket, or which
// permissions the credentials lack. It changes nothing: the service looks at
// permissions before conditions, so a write and a delete under a condition that
// cannot hold tell whether they were allowed. (Asking the bucket for permissions
// would miss those granted on a folder of it alone.)
func (s *Store) Check(ctx context.Context) error {
	for _, err := range s.List(ctx, "") {
		if err != nil {
			return err
		}
		break
	}
	const nobodys = "_manifest/.check" // a name that no object has
	const never = "1"                  // a generation that no object has
	var missing []string
	for _, probe := range []func() error{
		func() error {
			_, err := s.Put(ctx, nobodys, nil, sinks.IfVersion(never))
			return err
		},
		func() error { return s.Delete(ctx, nobodys, sinks.IfVersion(never)) },
	} {
		err := probe()
		var conflict *sinks.ConflictError
		var permission *PermissionError
		switch {
		case errors.As(err, &permission):
			missing = append(missing, permission.Permissions...)
		case err != nil && !errors.As(err, &conflict) && !errors.Is(err, sinks.ErrNotExist):
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return unreachable(&PermissionError{Bucket: s.cfg.Bucket, Permissions: slices.Compact(missing)})
}
