package narrative

import (
	"context"
	"encoding/json"
	"time"
)

// Store is what persists. Every method is safe for concurrent use from many processes and takes effect as a whole or
// not at all. A thing that is missing is a [NotFound] error, a lost race for a version a [Conflict], text that cannot
// be stored (\u0000, not UTF-8) [Invalid], a database that does not answer [Unavailable]. Times are UTC, with
// microseconds. Lists are newest first.
type Store interface {
	MetaStore
	CheckStore
	IssueStore
	PlanStore
	NotificationStore
	DatumStore
	HeartbeatStore
	KeyStore

	// Ping answers nil when the store can be used: reachable, and migrated to what this program expects.
	Ping(ctx context.Context) error
	// Sweep deletes, at most limit rows of each kind, what is past keeping at now: expired datums and occurrences, and
	// check runs finished before keepRuns, and occurrences of events that were removed before it.
	Sweep(ctx context.Context, now, keepRuns time.Time, limit int) (Swept, error)
	Close() error
}

// Swept counts what a sweep deleted.
type Swept struct {
	Datums      int `json:"datums"`
	Occurrences int `json:"occurrences"`
	CheckRuns   int `json:"check_runs"`
}

// MetaStore keeps what is to be watched.
type MetaStore interface {
	// Apply makes the store hold what the manifest says, in one transaction; one after the other where several are
	// applied at once. Metas that it does not name are left alone, unless it prunes. A name that is taken by the other
	// kind is Invalid, one that another source named is taken over, a store that does not hold what the manifest expects
	// is a Conflict. The manifest must be valid.
	Apply(ctx context.Context, m Manifest, now time.Time) (Applied, error)
	// RemoveMeta removes an assertion or event. It is missing from then on, its runs go in time, and the issues of an
	// assertion are kept: Reconcile has those that are unresolved closed.
	RemoveMeta(ctx context.Context, name string, now time.Time) error
	// RemoveRevision is RemoveMeta for somebody who saw that revision: where there is another, it is a Conflict.
	RemoveRevision(ctx context.Context, name string, revision int64, now time.Time) error
	AssertionMeta(ctx context.Context, name string) (AssertionMeta, error)
	AssertionMetas(ctx context.Context) ([]AssertionMeta, error) // all, by name
	EventMeta(ctx context.Context, name string) (EventMeta, error)
	EventMetas(ctx context.Context) ([]EventMeta, error) // all, by name
	Config(ctx context.Context) (Config, error)
	// Identity tells this store from every other: it is made at random with the store's tables.
	Identity(ctx context.Context) (string, error)
}

// Applied says what Apply did, by name.
type Applied struct {
	Created   []string `json:"created"`
	Changed   []string `json:"changed"`
	Unchanged []string `json:"unchanged"`
	Pruned    []string `json:"pruned"`
	Config    bool     `json:"config"` // the configuration changed
	// Assertions and Events are the metas whose revision was expected, as Apply leaves them; Configuration is the
	// configuration, where one was expected. A dry run leaves all as it is, and they are empty.
	Assertions    []AssertionMeta `json:"-"`
	Events        []EventMeta     `json:"-"`
	Configuration *Config         `json:"-"`
	// Differences are set in a dry run, which does nothing of this: the configuration's, then those of metas by path.
	Differences []Difference `json:"differences,omitzero"`
}

// CheckStore keeps checks and detections and decides what they lead to.
type CheckStore interface {
	// BeginCheck gives out the next check_seq of the assertion and loads what a check needs, in one round trip. Where
	// runID was recorded already, Recorded and Handoffs (those not done) are set and no check_seq is given out.
	BeginCheck(ctx context.Context, name, runID string) (CheckState, error)
	// RecordCheck commits, in one transaction, the run, the assertion's streak, what [DecideCheck] decides, a timeline
	// entry for each issue opened, and the hand-offs. CheckedRevision becomes the revision that was checked. Recorded
	// twice, it answers like the first time. A meta that is gone is NotFound.
	RecordCheck(ctx context.Context, r CheckRecord) (CheckResult, error)
	// BeginDetection and RecordDetection are the same for events. Each occurrence is claimed: one with the same
	// canonical summary that has not expired by r.FinishedAt is dropped. ExpiresAt is set from the meta's ttl.
	BeginDetection(ctx context.Context, name, runID string) (DetectionState, error)
	RecordDetection(ctx context.Context, r DetectionRecord) (DetectionResult, error)
	// CheckRuns lists the runs of an assertion or event.
	CheckRuns(ctx context.Context, name string, p Page) (Listed[CheckRun], error)
	// PendingHandoffs returns, oldest first, hand-offs made before the given time and not marked done.
	PendingHandoffs(ctx context.Context, before time.Time, limit int) ([]Handoff, error)
	HandoffsDone(ctx context.Context, ids []string, now time.Time) error
}

// CheckRun is one check, as it was recorded.
type CheckRun struct {
	ID          string    `json:"id"`
	Assertion   string    `json:"assertion"` // or the event's name
	Outcome     Outcome   `json:"outcome"`
	Summary     string    `json:"summary"`
	ScheduledAt time.Time `json:"scheduled_at"`
	StartedAt   time.Time `json:"started_at"`
	FinishedAt  time.Time `json:"finished_at"`
	WorkflowID  string    `json:"workflow_id"`
	RunID       string    `json:"run_id"` // Temporal's; unique

	Kind    MetaKind `json:"-"`
	Seq     int64    `json:"-"`
	Verdict Verdict  `json:"-"` // zero where errored and for events
}

// CheckState is what a check starts from.
type CheckState struct {
	Meta     AssertionMeta
	Config   Config
	Seq      int64
	Streak   Streak
	Last     *Verdict // of the newest check that could be made
	Open     []Issue  // unresolved ones, without steps
	Recorded *CheckRun
	Handoffs []Handoff
}

// CheckRecord is the result of a check.
type CheckRecord struct {
	CheckRun           // its ID is given by the store
	Revision    int64  // of the meta that was checked
	Error       string // why it could not be made; for errored
	OverRecords bool   // it was a RecordAssertion
	// Violations are the records found violating, at most [MaxViolations] and those with an open issue besides;
	// Total counts all of them.
	Violations []Violation
	Total      int
	Unknown    []Record // records of which nothing could be said
	Gone       []Record // records with an open issue that exist no more
	// UnknownBecause is the reason for the first of them.
	UnknownBecause string
	// Tell returns what is told of the issues that the check opens, and of those whose severity it raises; it is called
	// in the transaction, perhaps more than once, and the Batch of what it returns is filled in. Nil: nothing is told.
	Tell func(meta AssertionMeta, opened []Issue, raised []Raised) []Notification
}

// MaxViolations is how many violating records a check keeps.
const MaxViolations = 10_000

// CheckResult is what recording a check led to.
type CheckResult struct {
	Run      CheckRun
	Soft     string // see [CheckDecision]
	Opened   []Issue
	Changed  []string  // ids of issues that fail for another reason or with another severity now
	Handoffs []Handoff // made by this check and not done yet
}

// Handoff is something that the store decided and Temporal has still to be told.
type Handoff struct {
	ID         string
	WorkflowID string // of the issue or the occurrence
	// Exactly one of these is set.
	Observation  *Observation
	OccurrenceID string
	CreatedAt    time.Time
}

// DetectionState is what a detection starts from.
type DetectionState struct {
	Meta     EventMeta
	Config   Config
	Seq      int64
	Recorded *CheckRun
	Handoffs []Handoff
}

// DetectionRecord is the result of a detection.
type DetectionRecord struct {
	CheckRun
	Revision    int64
	Error       string
	Occurrences []Occurrence
}

// DetectionResult is what recording a detection led to.
type DetectionResult struct {
	Run      CheckRun
	Claimed  []Occurrence
	Handoffs []Handoff
}

// IssueStore keeps issues. New ones come from RecordCheck alone.
type IssueStore interface {
	// Issue returns the issue with its steps.
	Issue(ctx context.Context, id string) (Issue, error)
	Issues(ctx context.Context, q IssueQuery, p Page) (Listed[Issue], error)
	// UnresolvedIssues returns all unresolved ones, oldest first, without steps, after the given id (empty: from the
	// start).
	UnresolvedIssues(ctx context.Context, after string, limit int) ([]Issue, error)
	// CountIssues counts the unresolved ones by status and severity.
	CountIssues(ctx context.Context) ([]IssueCount, error)
	// ChangeIssue loads the issue with its steps under lock, lets change alter it and commits all of it: the issue's
	// own columns, its steps (those with an unknown ID are added), and the effects. key names the change for ever:
	// where the issue's timeline holds an entry of that key, change is not called and the issue returned as it is.
	// change must return such an entry, and may be called more than once; the Batch of the notifications that it
	// returns is filled in. A version of 0 or more must be the issue's,
	// else Conflict, and is counted up; a negative one is neither compared nor counted. An error from change is
	// returned as it is and nothing is committed.
	ChangeIssue(ctx context.Context, id string, version int, key string, change func(*Issue) (Effects, error)) (Issue, error)
	// Story returns everything there is to tell of an issue.
	Story(ctx context.Context, id string) (Story, error)
}

// IssueCount is how many unresolved issues have a status and a severity.
type IssueCount struct {
	Status   Status
	Severity Severity
	Count    int
	Oldest   time.Time // when the first of them was opened
}

// Effects are what a change of an issue brings with it.
type Effects struct {
	Entries       []Entry        // numbered by the store
	Notifications []Notification // those whose key is taken are dropped
}

// IssueQuery selects issues; zero fields select all.
type IssueQuery struct {
	Status     Status
	Assertion  string
	RecordType string
	RecordID   string
	Severity   Severity
	Since      time.Time // opened then or later
	Until      time.Time // opened before
}

// PlanStore keeps the ledger of actions and the plans that answer occurrences.
type PlanStore interface {
	// Occurrence returns an occurrence with its solution.
	Occurrence(ctx context.Context, id string) (Occurrence, error)
	// AnswerOccurrence keeps the solution that answers the occurrence and returns the one kept: the first wins.
	AnswerOccurrence(ctx context.Context, id string, s Solution) (Solution, error)
	// FinishSolution stamps enacted_at and the error, empty for success. For solutions of occurrences: an issue's are
	// changed with the issue.
	FinishSolution(ctx context.Context, solutionID string, at time.Time, failure string) error
	// StartAction returns the ledger's row as it was before (State "" when there was none) and marks it started,
	// unless it is done, or it was started and repeat is false.
	StartAction(ctx context.Context, ref ActionRef, action string, repeat bool, now time.Time) (ActionRun, error)
	// FinishAction marks it done, or failed where failure is not empty.
	FinishAction(ctx context.Context, ref ActionRef, receipt, failure string, now time.Time) error
	// Actions returns a solution's rows in the ledger: those of its plan by index, then those of its rollback.
	Actions(ctx context.Context, solutionID string) ([]ActionRun, error)
}

// NotificationStore is the ledger of who is told what: a notification per recipient and point of an issue's life.
// Several of one kind to one recipient may go out as one message, whose key their Batch is.
type NotificationStore interface {
	// AddNotifications adds those whose key is not taken yet, with an entry on the timeline of each one's issue, and
	// fills in the Batch of all.
	AddNotifications(ctx context.Context, n []Notification) error
	Notification(ctx context.Context, key string) (Notification, error)
	// Notifications lists notifications.
	Notifications(ctx context.Context, q NotificationQuery, p Page) (Listed[Notification], error)
	// BeginSending returns the message of that key and counts an attempt, unless it is to wait. From then on no other
	// notification joins it. One that is not there is NotFound.
	BeginSending(ctx context.Context, batch string, now time.Time) (Sending, error)
	// NotificationTried notes an attempt at a message that failed; undelivered when it was the last. NotificationSent
	// marks the message sent and keeps its posts. Both leave what is sent or suppressed as it is, and write an entry on
	// the timelines of its issues: Tried only when undelivered.
	NotificationTried(ctx context.Context, batch, failure string, last bool, now time.Time) error
	NotificationSent(ctx context.Context, batch string, sent Sent, now time.Time) error
	// RetryNotification makes an undelivered message pending again, and returns its key. Any of its notifications names
	// it, by id. One that is not undelivered is a Conflict.
	RetryNotification(ctx context.Context, id, by string, now time.Time) (batch string, err error)
	// PendingNotifications returns the keys of messages made before the given time and neither sent nor undelivered.
	PendingNotifications(ctx context.Context, before time.Time, limit int) ([]string, error)
	// CountNotifications counts, by state and channel, those that are pending or undelivered.
	CountNotifications(ctx context.Context) ([]NotificationCount, error)
	// Posts returns the posts of an issue, and SharedPosts those of all issues that share a post's message.
	Posts(ctx context.Context, issueID string) ([]Post, error)
	SharedPosts(ctx context.Context, channel, place, message string) ([]Post, error)
	// KeepPosts keeps how far posts have come.
	KeepPosts(ctx context.Context, posts []Post) error
}

// Sending is a message that is about to be sent.
type Sending struct {
	Notifications []Notification // that it stands for, oldest first; none of them suppressed
	// NotBefore is set where it is held back for others to join it.
	NotBefore *time.Time
	// Waits is set where something that is told first is still on its way: a recovery follows what it ends.
	Waits   bool
	Earlier []string  // keys of the messages sent to its recipient before about its issues, oldest first
	Posts   []Post    // of its issues at its recipient
	Again   bool      // it was tried before
	Since   time.Time // when it was first tried, or last made pending again by a person
}

// NotificationQuery selects notifications; zero fields select all.
type NotificationQuery struct {
	IssueID string
	State   NotificationState
	Channel string
	Kind    NotificationKind

	Since, Until time.Time // made at or after; before
}

// NotificationCount is how many notifications of a channel are in a state.
type NotificationCount struct {
	State   NotificationState
	Channel string
	Count   int
}

// Page is a part of a list.
type Page struct {
	Limit  int    // 1 to [MaxPage]; 0 means [DefaultPage]
	Cursor string // a list's next cursor; empty for the first page. A foreign one is Invalid.
}

// Sizes of a page.
const (
	DefaultPage = 50
	MaxPage     = 500
)

// Listed is a page of a list.
type Listed[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"` // empty on the last page
}

// Story is everything there is to tell of an issue, for [Explain].
type Story struct {
	Issue         Issue                  `json:"issue"`
	Entries       []Entry                `json:"entries"`       // oldest first
	Actions       map[string][]ActionRun `json:"actions"`       // by step id
	Notifications []Notification         `json:"notifications"` // oldest first
	Runs          []CheckRun             `json:"runs"`          // the newest few of its assertion
}

// Operator is the half of Narrative that talks to Temporal on people's behalf.
type Operator interface {
	// Signal sends a person's signal to the issue as an update and returns once it was accepted. Refusals are Invalid
	// or Conflict; no worker to answer, Unavailable.
	Signal(ctx context.Context, i Issue, name SignalName, payload json.RawMessage) error
	// CheckNow makes an ordinary check of the assertion or event at once, or joins one under way, and returns when it
	// was recorded. When ctx ends first, it answers Unavailable and the check goes on.
	CheckNow(ctx context.Context, kind MetaKind, name string) (CheckRun, error)
	// DryRun makes a check, of which nothing is kept, and returns what it would have recorded; the run has no id. A
	// disabled one is checked, too. When ctx ends first, it answers Unavailable.
	DryRun(ctx context.Context, kind MetaKind, name string) (CheckRun, error)
	// Reopen lets checks open another issue where this one, which is closed, kept them away, and has its assertion
	// checked at once. An issue that is not closed is a Conflict.
	Reopen(ctx context.Context, i Issue, by, reason string) error
	// Resend has an undelivered notification's message sent again, because a person says so. One that is not undelivered
	// is a Conflict.
	Resend(ctx context.Context, notificationID, by string) error
	// TestChannel sends a message that says only that it is a test, and returns what became of it, undelivered with the
	// reason where it could not be sent. When ctx ends first, it answers Unavailable.
	TestChannel(ctx context.Context, channel, recipient, by string) (Notification, error)
	// Reconcile makes Temporal match the store.
	Reconcile(ctx context.Context) (Reconciled, error)
}

// Reconciled counts what Reconcile did.
type Reconciled struct {
	Started       int `json:"started"`       // triggers started
	Replaced      int `json:"replaced"`      // triggers that did not match their meta
	Stopped       int `json:"stopped"`       // triggers whose meta is gone or disabled
	Checked       int `json:"checked"`       // metas checked at once, being new or changed
	Handoffs      int `json:"handoffs"`      // handed over again
	Notifications int `json:"notifications"` // started again
	Issues        int `json:"issues"`        // whose workflow was gone, or whose assertion was removed
}
