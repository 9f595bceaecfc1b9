package schema

import (
	"bytes"
	"iter"
	"math"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Integer returns the integer that value is or, as a string, spells in its one
// canonical form, as an Int64 column takes it.
func Integer(value jsontext.Value) (int64, bool) {
	text := []byte(value)
	if value.Kind() == '"' {
		text = text[1 : len(text)-1]
		if bytes.IndexByte(text, '\\') >= 0 {
			unquoted, err := jsontext.AppendUnquote(nil, value)
			if err != nil {
				return 0, false
			}
			text = unquoted
		}
	}
	digits := bytes.TrimPrefix(text, []byte("-"))
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	var v uint64 // which holds any 19 digits
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		v = 10*v + uint64(d-'0')
	}
	if len(digits) < len(text) {
		return -int64(v), v <= -math.MinInt64
	}
	return int64(v), v <= math.MaxInt64
}

// appendCompact appends the JSON text of value, which is valid, to dst without
// the white space between its tokens. Strings and numbers keep their spelling.
func appendCompact(dst []byte, value jsontext.Value) []byte {
	start := len(dst)
	dst = append(dst, value...)
	if k := value.Kind(); k != '{' && k != '[' {
		return dst
	}
	compact := jsontext.Value(dst[start:])
	if err := compact.Compact(); err != nil {
		return dst // as it is: no less true
	}
	return dst[:start+len(compact)]
}

// Members yields the keys of a JSON object, unquoted, and their values, both
// good until the next are asked for. What is no object has none. object must be
// valid JSON.
func Members(object jsontext.Value) iter.Seq2[[]byte, jsontext.Value] {
	return func(yield func([]byte, jsontext.Value) bool) {
		dec := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowInvalidUTF8(true))
		if dec.PeekKind() != '{' {
			return
		}
		if _, err := dec.ReadToken(); err != nil {
			return
		}
		for dec.PeekKind() == '"' {
			name, err := dec.ReadToken()
			if err != nil {
				return
			}
			key := []byte(name.String())
			value, err := dec.ReadValue()
			if err != nil || !yield(key, value) {
				return
			}
		}
	}
}

// Member returns the value of a key of a JSON object, nil when the object has
// no such key or is no object. object must be valid JSON.
func Member(object jsontext.Value, key string) jsontext.Value {
	for name, value := range Members(object) {
		if string(name) == key {
			return value.Clone()
		}
	}
	return nil
}

// Lookup returns the value at a dotted path of keys below a JSON object, nil when there
// is none. object must be valid JSON.
func Lookup(object jsontext.Value, path string) jsontext.Value {
	for key := range strings.SplitSeq(path, ".") {
		object = Member(object, key)
	}
	return object
}

// StringMember returns the string that a key of a JSON object has. object must be
// valid JSON.
func StringMember(object jsontext.Value, key string) (string, bool) {
	return unquote(Member(object, key))
}

// unquote returns the text of a JSON string, and false for any other value.
func unquote(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	text, err := jsontext.AppendUnquote(nil, value)
	return string(text), err == nil
}

// Text returns what a string column of this type holds of a value, and whether the
// value fits. Null fits no column, nor does no value at all.
func (t Type) Text(value jsontext.Value) (string, bool) {
	switch kind := value.Kind(); {
	case kind == '"' && t != Decimal:
		return unquote(value)
	case kind == '0' && t == Decimal:
		return string(value), true
	case kind == '"', kind == 'n', kind == 0, t != Text:
		return "", false
	}
	return string(appendCompact(nil, value)), true
}
