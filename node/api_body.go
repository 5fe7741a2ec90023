package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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
		problem(w, http.StatusBadRequest, "The body is not what is asked for: "+err.Error()+".")
		return false
	case dec.Decode(&struct{}{}) != io.EOF:
		problem(w, http.StatusBadRequest, "The body holds more than one value.")
		return false
	}
	return true
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
