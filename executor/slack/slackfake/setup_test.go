package slackfake_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// newServer serves and returns its URL.
func newServer(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
