package fakeapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// maxRepeat bounds xN.
const maxRepeat = 10_000

// ParseScript reads a list of steps, separated by commas, each one of
//
//	ok                     the normal answer
//	ongoing                the reduced answer of an ongoing batch, with the status that
//	                       Options say
//	ongoing:200            the same with that status, or with
//	ongoing:202            the other
//	failed                 a batch that failed: status 200, and "failed" in the body
//	page                   status 200, and a page of HTML as gateways have it
//	STATUS                 an error from 400 to 599, {"message":"…"} in the API's words
//	STATUS:VARIANT         the same with another body
//	STATUS;retry-after=V   the same with a Retry-After header, V as it is: seconds, or a
//	                       date. It goes behind the variant
//	truncate:N             the whole answer is announced, N bytes come, the connection is cut
//	cut:N                  an answer that ends after N bytes as if it were whole
//	hang                   no answer, until the client goes away or the Server is closed
//	drop                   the connection is closed without an answer. Go's client asks
//	                       again by itself if it had used that connection before
//	redirect:URL           302, elsewhere
//
// and xN behind any of them to have it N times: "503x2,ok". The N bytes are
// those on the wire, compressed ones if the client takes that. The variants are
//
//	html            any status: a page as gateways have it
//	empty           any status: no body at all
//	reason          402, 422: {"reason":"…","success":false}
//	old             429: an older body, which demands a wait of 300 seconds
//	old=N           429: the same with N seconds
//	missing         400: no id was given; 401: no key was given
//	verification    400: in the words of the bulk verification
//
// The error names the step.
func ParseScript(s string) ([]Step, error) {
	var steps []Step
	for i, text := range splitScript(s) {
		text = strings.TrimSpace(text)
		step, times, err := parseRepeated(text)
		if err != nil {
			return nil, fmt.Errorf("step %d, %q: %w", i+1, text, err)
		}
		for range times {
			steps = append(steps, step)
		}
	}
	return steps, nil
}

// dateBegins matches a step that was cut at the comma of an HTTP date.
var dateBegins = regexp.MustCompile(`retry-after=(Mon|Tue|Wed|Thu|Fri|Sat|Sun)$`)

func splitScript(s string) []string {
	var parts []string
	for part := range strings.SplitSeq(s, ",") {
		if n := len(parts); n > 0 && dateBegins.MatchString(parts[n-1]) {
			parts[n-1] += "," + part
			continue
		}
		parts = append(parts, part)
	}
	return parts
}

var repeated = regexp.MustCompile(`^(.*)x([0-9]+)$`)

func parseRepeated(text string) (step Step, times int, err error) {
	times = 1
	if m := repeated.FindStringSubmatch(text); m != nil {
		times, err = strconv.Atoi(m[2])
		if err != nil || times < 1 || times > maxRepeat {
			return Step{}, 0, fmt.Errorf("a step is repeated 1 to %d times", maxRepeat)
		}
		text = m[1]
	}
	step, err = parseStep(text)
	return step, times, err
}

func parseStep(text string) (Step, error) {
	switch text {
	case "":
		return Step{}, errors.New("step is empty")
	case "ok":
		return Step{}, nil
	case "ongoing":
		return Step{action: actOngoing}, nil
	case "failed":
		return Step{action: actFailed}, nil
	case "page":
		return Step{action: actError, answer: page(http.StatusOK)}, nil
	case "hang":
		return Step{action: actHang}, nil
	case "drop":
		return Step{action: actDrop}, nil
	}
	name, rest, _ := strings.Cut(text, ":")
	switch name {
	case "ongoing":
		if rest != "200" && rest != "202" {
			return Step{}, errors.New("the status of ongoing is 200 or 202")
		}
		status, err := strconv.Atoi(rest)
		return Step{action: actOngoing, status: status}, err
	case "truncate":
		return parseBytes(actTruncate, rest)
	case "cut":
		return parseBytes(actCut, rest)
	case "redirect":
		if u, err := url.Parse(rest); err != nil || u.String() == "" {
			return Step{}, errors.New("not a URL to redirect to")
		}
		return Step{action: actRedirect, location: rest}, nil
	}
	return parseError(text)
}

func parseBytes(a action, text string) (Step, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return Step{}, errors.New("not a number of bytes")
	}
	return Step{action: a, bytes: n}, nil
}

// parseError reads STATUS[:VARIANT][;retry-after=VALUE].
func parseError(text string) (Step, error) {
	text, option, hasOption := strings.Cut(text, ";")
	code, variant, hasVariant := strings.Cut(text, ":")
	status, err := strconv.Atoi(code)
	if err != nil || status < 400 || status > 599 {
		return Step{}, errors.New("no such step")
	}
	if hasVariant && variant == "" {
		return Step{}, errors.New("variant is empty")
	}
	step := Step{action: actError}
	if step.answer, err = errorAnswer(status, variant); err != nil {
		return Step{}, err
	}
	if !hasOption {
		return step, nil
	}
	value, ok := strings.CutPrefix(option, "retry-after=")
	if !ok || value == "" || strings.ContainsFunc(value, isControl) {
		return Step{}, errors.New("behind the ; goes retry-after=VALUE")
	}
	step.retryAfter = value
	return step, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// errorAnswer returns the answer with an error status, in the variant given,
// the usual one when it is empty.
func errorAnswer(status int, variant string) (answer, error) {
	variant, argument, hasArgument := strings.Cut(variant, "=")
	if hasArgument && variant != "old" {
		return answer{}, fmt.Errorf("status %d has no such variant", status)
	}
	switch variant {
	case "":
		return jsonAnswer(status, errorBody{Message: errorMessage(status)}), nil
	case "html":
		return page(status), nil
	case "empty":
		return answer{status: status}, nil
	}
	switch {
	case variant == "reason" && (status == http.StatusPaymentRequired || status == http.StatusUnprocessableEntity):
		return jsonAnswer(status, struct {
			Reason  string `json:"reason"`
			Success bool   `json:"success"`
		}{Reason: errorMessage(status)}), nil
	case variant == "missing" && status == http.StatusBadRequest:
		return jsonAnswer(status, errorBody{Message: missingID}), nil
	case variant == "missing" && status == http.StatusUnauthorized:
		return jsonAnswer(status, errorBody{Message: noKey}), nil
	case variant == "verification" && status == http.StatusBadRequest:
		return jsonAnswer(status, errorBody{Message: unverifiable}), nil
	case variant == "old" && status == http.StatusTooManyRequests:
		seconds := 300
		if hasArgument {
			var err error
			if seconds, err = strconv.Atoi(argument); err != nil {
				return answer{}, errors.New("old= takes a number of seconds")
			}
		}
		return jsonAnswer(status, struct {
			Error      string `json:"error"`
			Message    string `json:"message"`
			RetryAfter int    `json:"retry_after"`
			Status     int    `json:"status"`
		}{Error: "rate_limit_exceeded", Message: tooMany, RetryAfter: seconds, Status: status}), nil
	}
	return answer{}, fmt.Errorf("status %d has no such variant", status)
}

// page returns a page of HTML as gateways have it.
func page(status int) answer {
	text := fmt.Sprintf("<html>\r\n<head><title>%[1]d %[2]s</title></head>\r\n<body>\r\n<center><h1>%[1]d %[2]s</h1></center>\r\n</body>\r\n</html>\r\n",
		status, http.StatusText(status))
	return answer{status: status, contentType: "text/html", body: []byte(text)}
}

// errorMessage returns the message of an error, in the API's words where they
// are known.
func errorMessage(status int) string {
	switch status {
	case http.StatusBadRequest:
		return unreadable
	case http.StatusUnauthorized:
		return wrongKey
	case http.StatusPaymentRequired, http.StatusUnprocessableEntity:
		return "Not enough credits"
	case http.StatusNotFound:
		return notFound
	case http.StatusTooManyRequests:
		return tooMany
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Error " + strconv.Itoa(status)
}
