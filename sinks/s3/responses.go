package s3

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

// verdicts are errors of the credentials and of the clock, by their codes.
var verdicts = map[string]sinks.AdvisedError{
	"InvalidAccessKeyId": {
		Text: "the access key is not known to S3",
		Hint: "check the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE), and --s3-endpoint if the store is not Amazon's",
	},
	"SignatureDoesNotMatch": {
		Text: "S3 does not accept the signature: the secret key does not belong to the access key",
		Hint: "check AWS_SECRET_ACCESS_KEY or the AWS profile, and that no proxy changes requests",
	},
	"ExpiredToken": {
		Text: "the credentials for S3 have expired",
		Hint: "sign in again (aws sso login), or renew AWS_SESSION_TOKEN and its keys",
	},
	"InvalidToken": {
		Text: "S3 does not accept the session token of the credentials",
		Hint: "renew AWS_SESSION_TOKEN and its keys, or unset AWS_SESSION_TOKEN if the keys are lasting ones",
	},
	"RequestTimeTooSkewed": {
		Text: "the clock of this machine differs from the clock of S3 by too much",
		Hint: "set the clock of this machine, for example by NTP",
	},
	"InvalidObjectState": {
		Text: "the object is in an archive, from which S3 does not read",
		Hint: "restore the object, and use a bucket whose rules archive no manifest entries and files",
	},
	"QuotaExceeded": {
		Text: "the quota of the bucket is used up",
		Hint: "raise the quota of the bucket, or delete objects in it",
	},
}

// synonyms are codes that mean what another one does.
var synonyms = map[string]string{
	"TokenRefreshRequired": "ExpiredToken", "ExpiredTokenException": "ExpiredToken", "RequestExpired": "RequestTimeTooSkewed",
	"XAdminUserNotFound": "InvalidAccessKeyId", // of versitygw
}

// passingVerdicts are codes of verdicts that concern one object only.
var passingVerdicts = []string{"InvalidObjectState"}

// classifyResponse is classify for an error that the service has returned.
func (s *Store) classifyResponse(r response, permissions []string, name string) error {
	if same, ok := synonyms[r.code]; ok {
		r.code = same
	}
	if verdict, ok := verdicts[r.code]; ok {
		if slices.Contains(passingVerdicts, r.code) {
			return &verdict
		}
		return unreachable(&verdict)
	}
	switch {
	case r.code == "NoSuchBucket":
		create := "aws s3 mb s3://" + s.cfg.Bucket
		if s.cfg.Endpoint != "" {
			create += " --endpoint-url " + s.cfg.Endpoint
		}
		return unreachable(&sinks.AdvisedError{
			Text: fmt.Sprintf("bucket s3://%s does not exist", s.cfg.Bucket),
			Hint: "check the name of the bucket, or create it: " + create,
		})
	case name != "" && r.status == http.StatusNotFound && (r.code == "NoSuchKey" || r.code == "NotFound"):
		return notExist(name)
	case isElsewhere(r):
		return unreachable(s.elsewhere(r))
	case strings.HasPrefix(r.code, "KMS."):
		return unreachable(&sinks.AdvisedError{
			Text: "the KMS key cannot be used: " + r.code,
			Hint: "check that --s3-kms-key or the key of the bucket exists, is enabled, and is in the bucket's region",
		})
	case isLocked(r):
		return &sinks.AdvisedError{
			Text: "refused by S3: the object is locked or retained",
			Hint: "manifest entries and files are replaced: use a bucket without object lock and retention",
		}
	case r.status == http.StatusNotFound:
		return unreachable(&sinks.AdvisedError{Text: said(r), Hint: errNotS3.Hint})
	case r.passes():
		return failing(said(r))
	case r.noConditions():
		return unreachable(errNoConditions)
	}
	switch r.status {
	case http.StatusUnauthorized:
		return unreachable(&sinks.AdvisedError{
			Text: "the credentials are not accepted by S3",
			Hint: "check the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID), and --s3-endpoint if the store is not Amazon's",
		})
	case http.StatusForbidden:
		switch r.code {
		case "", "AccessDenied", "Forbidden", "UnauthorizedAccess", "AllAccessDisabled", "AccountProblem":
			return unreachable(&PermissionError{Bucket: s.cfg.Bucket, Permissions: named(r.message, permissions)})
		}
		return unreachable(errors.New("refused by S3: " + r.code))
	case http.StatusProxyAuthRequired:
		return unreachable(&network.Fault{Text: "the proxy wants a user and password", Hint: network.ProxyUserHint})
	}
	return errors.New(said(r))
}

// errNoConditions is the error of a store that says it knows no conditions.
var errNoConditions = &sinks.AdvisedError{
	Text: "the store does not support conditional writes",
	Hint: "use another store; add --single-writer only if no two processes ever write there at once",
}

// errNotS3 is the error of a server that speaks another protocol.
var errNotS3 = &sinks.AdvisedError{
	Text: "the endpoint does not speak the protocol of S3: its response to a listing is another",
	Hint: "check --s3-endpoint or AWS_ENDPOINT_URL: another server may be there",
}

// errConditionsIgnored is the error of a store that was caught at ignoring one.
var errConditionsIgnored = &sinks.AdvisedError{
	Text: "the store ignores the conditions of writes",
	Hint: errNoConditions.Hint,
}

// said returns a response in one line.
func said(r response) string {
	text := fmt.Sprintf("S3 returned %d", r.status)
	if r.code != "" && r.code != strings.ReplaceAll(http.StatusText(r.status), " ", "") {
		text += " " + r.code
	}
	return text
}

// named returns the permissions that the service says are missing, else those given.
func named(message string, permissions []string) []string {
	if found := permissionName.FindString(message); found != "" {
		return []string{found}
	}
	return permissions
}

// isElsewhere reports whether the bucket is in another region.
func isElsewhere(r response) bool {
	switch r.code {
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return true
	}
	return r.status >= 300 && r.status < 400
}

func (s *Store) elsewhere(r response) error {
	region := r.region
	if match := expectedRegion.FindStringSubmatch(r.message); region == "" && match != nil {
		region = match[1]
	}
	if !regionName.MatchString(region) {
		return &sinks.AdvisedError{
			Text: fmt.Sprintf("bucket s3://%s is in another region, or at another endpoint", s.cfg.Bucket),
			Hint: "give the region of the bucket with --s3-region, and check --s3-endpoint if the store is not Amazon's",
		}
	}
	return &sinks.AdvisedError{
		Text: fmt.Sprintf("bucket s3://%s is in the region %s", s.cfg.Bucket, region),
		Hint: "give --s3-region " + region,
	}
}

// isLocked reports whether an object must be kept. Amazon has no code for it.
func isLocked(r response) bool {
	switch r.code {
	case "ObjectLocked", "InvalidRetentionPeriod":
		return true
	case "AccessDenied", "InvalidRequest", "MethodNotAllowed":
		return strings.Contains(strings.ToLower(r.message), "object lock") || strings.Contains(strings.ToLower(r.message), "worm")
	}
	return false
}
