package node

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// readBody reads the body of a request, JSON with known fields, no longer than most bytes; an
// empty one says nothing. Any other it answers with a problem, and returns false.
func readBody(w http.ResponseWriter, r *http.Request, most int64, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	var long *http.MaxBytesError
	switch {
	case err == io.EOF:
		return true
	case errors.As(err, &long):
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is longer than %d bytes.", most))
		return false
	case err != nil:
		problem(w, http.StatusBadRequest, "The body is not what is asked for: "+bodyFault(err, v)+".")
		return false
	case dec.Decode(&struct{}{}) != io.EOF:
		problem(w, http.StatusBadRequest, "The body holds more than one value.")
		return false
	}
	return true
}

// bodyFault is what is wrong with JSON that was to be read into v, for who has sent it:
// encoding/json speaks of Go.
func bodyFault(err error, v any) string {
	var value *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	unknown, isUnknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &value):
		return cmp.Or(value.Field, "it") + " must be " + inJSON(value.Type)
	case isUnknown:
		return fmt.Sprintf("it has %s, and may have %s", unknown, strings.Join(namesIn(reflect.TypeOf(v)), ", "))
	case strings.HasPrefix(err.Error(), "json: invalid number literal"):
		return "a number is asked for where it has a text"
	case err == io.ErrUnexpectedEOF:
		return "it is cut short"
	case errors.As(err, &syntax):
		return "it is no JSON: " + err.Error()
	}
	return err.Error()
}

// inJSON is what values of a type are in JSON.
func inJSON(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		if t == reflect.TypeFor[json.Number]() {
			return "a number"
		}
		return "a text, in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "an object"
	case reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// namesIn are the names in objects of a type, and in those within.
func namesIn(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return namesIn(t.Elem())
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				names = append(append(names, name), namesIn(f.Type)...)
			}
		}
	}
	return names
}

// readAll reads a body of at most so many bytes. A longer one is a problem.
func readAll(w http.ResponseWriter, r *http.Request, most int64) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is longer than %d bytes.", most))
	case err != nil:
		problem(w, http.StatusBadRequest, "The body did not come: "+err.Error()+".")
	}
	return body, err == nil
}
