package httpapi

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) notificationRoutes() {
	const path = "/api/v1/notifications"
	add(a, route{
		method: http.MethodGet, path: path, id: "list-notifications", tag: "notifications",
		summary: "List who was told what, newest first", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.listNotifications)
	by := &huma.RequestBody{Description: "Who says so; may be left out", Content: exampleContent(schemaOf[Asking](a), "by", "Who", `{"by": "ann"}`)}
	add(a, route{
		method: http.MethodPost, path: path + "/{id}/retry", id: "retry-notification", tag: "notifications",
		summary: "Have an undelivered notification sent again",
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}, body: by,
	}, a.retryNotification)
	add(a, route{
		method: http.MethodPost, path: "/api/v1/channels/{channel}/test", id: "test-channel", tag: "notifications",
		summary: "Send a test message and tell what became of it: its state is sent, with a receipt, or undelivered, with the reason",
		timeout: -1, errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		body: &huma.RequestBody{Description: "To whom; may be left out: then the first of the admins by that channel", Content: exampleContent(schemaOf[Testing](a), "to", "To somebody else", `{"recipient": "ann@example.com", "by": "ann"}`)},
	}, a.testChannel)
	for _, kind := range []narrative.MetaKind{narrative.AssertionKind, narrative.EventKind} {
		add(a, route{
			method: http.MethodGet, path: "/api/v1/" + string(kind) + "s/{name}/route", id: "route-" + string(kind), tag: "notifications",
			summary: "Tell who would be told, and why", query: true, errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
		}, func(ctx context.Context, in *RouteQuery) (*answer[Routed], error) { return a.route(ctx, kind, in) })
	}
}

// NotificationsQuery is the query of the list of notifications.
type NotificationsQuery struct {
	Issue   string                      `query:"issue" doc:"The id of an issue"`
	State   narrative.NotificationState `query:"state" enum:"pending,sent,undelivered,suppressed"`
	Channel string                      `query:"channel" enum:"email,slack,webhook"`
	Kind    narrative.NotificationKind  `query:"kind" enum:"opened,no_solution,impasse,approval,escalated,renotified,resolved,action,test"`
	Since   time.Time                   `query:"since" doc:"Made at this time or later"`
	Until   time.Time                   `query:"until" doc:"Made before this time"`
	PageQuery
}

func (a *api) listNotifications(ctx context.Context, in *NotificationsQuery) (*answer[narrative.Listed[narrative.Notification]], error) {
	if err := textProblems(map[string]string{"issue": in.Issue}).Err(); err != nil {
		return nil, err
	}
	q := narrative.NotificationQuery{IssueID: in.Issue, State: in.State, Channel: in.Channel, Kind: in.Kind, Since: in.Since.UTC(), Until: in.Until.UTC()}
	listed, err := a.Store.Notifications(ctx, q, in.page())
	return answered(neverNull(listed)), err
}

// Asking is who asks for something.
type Asking struct {
	By string `json:"by,omitempty"`
}

// Nothing is an answer that says no more than its status does.
type Nothing struct{}

// RetryInput names an undelivered notification.
type RetryInput struct {
	ID      string `path:"id"`
	Payload payload
}

var notificationID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (a *api) retryNotification(ctx context.Context, in *RetryInput) (*answer[Nothing], error) {
	var asking Asking
	if err := in.Payload.decode(&asking); err != nil {
		return nil, err
	}
	if err := signalText(map[string]string{"by": asking.By}).Err(); err != nil {
		return nil, err
	}
	if !notificationID.MatchString(in.ID) {
		return nil, narrative.Errorf(narrative.NotFound, "there is no notification %q", in.ID)
	}
	return answered(Nothing{}), a.Operator.Resend(ctx, in.ID, by(ctx, asking.By))
}

// decode reads a body that is a JSON object, or nothing, strictly.
func (p *payload) decode(into any) error {
	body, err := p.readJSON(maxBody)
	if err != nil {
		return err
	}
	return narrative.DecodeArgs(body, into)
}

// Testing is who gets a test message, and who sends it.
type Testing struct {
	Recipient string `json:"recipient,omitempty" doc:"An address, a Slack channel or a URL"`
	By        string `json:"by,omitempty"`
}

// TestInput asks for a test message.
type TestInput struct {
	Channel string `path:"channel"`
	Payload payload
}

// testWait is how long a test message is waited for.
const testWait = 30 * time.Second

func (a *api) testChannel(ctx context.Context, in *TestInput) (*answer[narrative.Notification], error) {
	var testing Testing
	if err := in.Payload.decode(&testing); err != nil {
		return nil, err
	}
	if err := signalText(map[string]string{"by": testing.By}).Err(); err != nil {
		return nil, err
	}
	if !slices.Contains(narrative.Channels, in.Channel) {
		return nil, narrative.Errorf(narrative.NotFound, "there is no channel %q%s (known: %s)", in.Channel,
			narrative.DidYouMean(in.Channel, narrative.Channels), strings.Join(narrative.Channels, ", "))
	}
	recipient, err := a.testRecipient(ctx, in.Channel, testing.Recipient)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, testWait)
	defer cancel()
	n, err := a.Operator.TestChannel(ctx, in.Channel, recipient, by(ctx, testing.By))
	return answered(n), err
}

// testRecipient is to whom a test message goes: who was named, or the first of the admins by that channel.
func (a *api) testRecipient(ctx context.Context, channel, named string) (string, error) {
	if named != "" {
		return named, narrative.ProblemsOf("recipient", narrative.CheckAddress(channel, named)).Err()
	}
	config, err := a.Store.Config(ctx)
	if err != nil {
		return "", err
	}
	for _, admin := range config.Admins.List() {
		if admin.Channel == channel {
			return admin.Address, nil
		}
	}
	return "", narrative.Problems{{Path: "recipient", Message: "is required: config.admins names nobody by " + channel}}
}

// RouteQuery asks who would be told.
type RouteQuery struct {
	Name     string                     `path:"name"`
	Severity narrative.Severity         `query:"severity" enum:"info,warning,error,critical" doc:"Default the meta's"`
	Kind     narrative.NotificationKind `query:"kind" enum:"opened,no_solution,impasse,approval,escalated,renotified" doc:"Default all of them"`
}

// Routed is who would be told of each kind.
type Routed struct {
	Severity narrative.Severity `json:"severity"`
	Items    []RoutedKind       `json:"items"`
}

// RoutedKind is who would be told of what is of one kind.
type RoutedKind struct {
	Kind       narrative.NotificationKind `json:"kind"`
	Recipients []narrative.Recipient      `json:"recipients"`
}

// routedKinds are the kinds whose recipients the configuration chooses.
var routedKinds = []narrative.NotificationKind{
	narrative.NotifyOpened, narrative.NotifyNoSolution, narrative.NotifyImpasse, narrative.NotifyApproval,
	narrative.NotifyEscalated, narrative.NotifyRenotified,
}

func (a *api) route(ctx context.Context, kind narrative.MetaKind, in *RouteQuery) (*answer[Routed], error) {
	meta, err := a.meta(ctx, kind, in.Name)
	if err != nil {
		return nil, err
	}
	config, err := a.Store.Config(ctx)
	if err != nil {
		return nil, err
	}
	routed := Routed{Severity: in.Severity, Items: []RoutedKind{}}
	if routed.Severity == "" {
		routed.Severity = meta.Severity
	}
	for _, k := range routedKinds {
		if in.Kind == "" || in.Kind == k {
			routed.Items = append(routed.Items, RoutedKind{k, orEmpty(narrative.RouteOf(k, meta, config, routed.Severity))})
		}
	}
	return answered(routed), nil
}

func (a *api) meta(ctx context.Context, kind narrative.MetaKind, name string) (narrative.Meta, error) {
	if kind == narrative.EventKind {
		m, err := a.event(ctx, name)
		return m.Meta, err
	}
	m, err := a.assertion(ctx, name)
	return m.Meta, err
}
