package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// openToAll is the scope of what needs no key: who may not know whether the process is alive, and how the API is
// spoken to, is nobody; and Slack signs what it sends.
const openToAll narrative.Scope = ""

// scopes says what each route needs. A GET that is not in it needs read; any other route has to be in it.
var scopes = map[string]narrative.Scope{
	"GET /healthz":             openToAll,
	"GET /readyz":              openToAll,
	"GET /openapi.json":        openToAll,
	"GET /docs":                openToAll,
	"POST /slack/interactions": openToAll,

	"POST /log/":                           narrative.ScopeDatums,
	"POST /api/datum/":                     narrative.ScopeDatums,
	"POST /api/v1/datums":                  narrative.ScopeDatums,
	"POST /api/v1/datums/sweep":            narrative.ScopeOperate,
	"POST /api/v1/heartbeats/{name}":       narrative.ScopeDatums,
	"GET /api/v1/heartbeats/{name}":        narrative.ScopeDatums,
	"POST /api/v1/heartbeats/{name}/start": narrative.ScopeDatums,
	"GET /api/v1/heartbeats/{name}/start":  narrative.ScopeDatums,
	"POST /api/v1/heartbeats/{name}/fail":  narrative.ScopeDatums,
	"GET /api/v1/heartbeats/{name}/fail":   narrative.ScopeDatums,
	"DELETE /api/v1/heartbeats/{name}":     narrative.ScopeAdmin,

	"POST /api/v1/issues/{id}/{signal}":     narrative.ScopeOperate,
	"POST /api/v1/issues/{id}/reopen":       narrative.ScopeOperate,
	"POST /api/v1/assertions/{name}/check":  narrative.ScopeOperate,
	"POST /api/v1/events/{name}/check":      narrative.ScopeOperate,
	"POST /api/v1/notifications/{id}/retry": narrative.ScopeOperate,
	"POST /api/v1/channels/{channel}/test":  narrative.ScopeOperate,
	"POST /api/v1/apply":                    narrative.ScopeAdmin,
	"PUT /api/v1/assertions/{name}":         narrative.ScopeAdmin,
	"DELETE /api/v1/assertions/{name}":      narrative.ScopeAdmin,
	"PUT /api/v1/events/{name}":             narrative.ScopeAdmin,
	"DELETE /api/v1/events/{name}":          narrative.ScopeAdmin,
	"PATCH /api/v1/config":                  narrative.ScopeAdmin,
	"GET /api/v1/keys":                      narrative.ScopeAdmin,
	"POST /api/v1/keys":                     narrative.ScopeAdmin,
	"GET /api/v1/keys/{id}":                 narrative.ScopeAdmin,
	"DELETE /api/v1/keys/{id}":              narrative.ScopeAdmin,
}

// scopeOf returns the scope that a route needs, by its pattern on the mux. One that nobody has decided about needs
// admin, and is not decided.
func scopeOf(pattern string) (scope narrative.Scope, decided bool) {
	pattern = strings.TrimSuffix(pattern, "{$}")
	if scope, decided = scopes[pattern]; decided {
		return scope, true
	}
	if strings.HasPrefix(pattern, http.MethodGet+" ") {
		return narrative.ScopeRead, true
	}
	return narrative.ScopeAdmin, false
}

// allows tells whether a key of these scopes may do what needs one.
func allows(has []narrative.Scope, needed narrative.Scope) bool {
	if slices.Contains(has, needed) || slices.Contains(has, narrative.ScopeAdmin) {
		return true
	}
	return needed == narrative.ScopeRead && slices.Contains(has, narrative.ScopeOperate)
}

// original tells whether a route is one of the calls of django-narrative, whose form of a key is taken on them alone.
func original(pattern string) bool {
	_, path, _ := strings.Cut(pattern, " ")
	return strings.HasPrefix(path, "/log/") || strings.HasPrefix(path, "/api/datum/")
}

// routeMux is the mux, which remembers its routes.
type routeMux struct {
	*http.ServeMux
	patterns []string
}

// Handle adds a route.
func (m *routeMux) Handle(pattern string, h http.Handler) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.Handle(pattern, h)
}

// HandleFunc adds a route.
func (m *routeMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(h))
}

// describeSecurity adds to the API's description how a key is shown, what each operation needs, and the refusals.
func (a *api) describeSecurity() {
	description := a.doc.OpenAPI()
	description.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A key, as narrative key create prints it. The scopes are " + scopeNames() + "; " +
			"admin includes all, operate includes read. A process that asks for no key takes requests without one."},
		"apiKey": {Type: "apiKey", In: "header", Name: "Authorization", Description: "`ApiKey USER:KEY`, as django-narrative has it, on its own calls: " +
			"USER is the key's name. There `?username=USER&api_key=KEY` is taken, too."},
	}
	for path, item := range description.Paths {
		for method, o := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if o != nil {
				describeScope(o, method+" "+path)
			}
		}
	}
}

func describeScope(o *huma.Operation, pattern string) {
	scope, _ := scopeOf(pattern)
	if scope == openToAll {
		return
	}
	needed := []string{string(scope)}
	o.Security = []map[string][]string{{"bearer": needed}}
	if original(pattern) {
		o.Security = append(o.Security, map[string][]string{"apiKey": needed})
	}
	malformed := o.Responses["400"] // which every operation has; the refusals are documents of the same form
	for status, said := range map[string]string{
		"401": "No key, or none that is good; WWW-Authenticate says what is expected",
		"403": "The key lacks the scope " + string(scope),
		"429": "Too many requests, or too many with wrong keys; Retry-After says when to come again",
	} {
		if o.Responses[status] == nil && malformed != nil {
			o.Responses[status] = &huma.Response{Description: said, Content: malformed.Content}
		}
	}
}

func scopeNames() string { return strings.Join(scopeList(), ", ") }

func scopeList() []string {
	names := make([]string, len(narrative.Scopes))
	for i, s := range narrative.Scopes {
		names[i] = string(s)
	}
	return names
}
