package workflows

import "github.com/narrative-go/narrative/activities"

// The inputs of workflows that only pass them on to an activity.
type (
	// CheckInput is CheckAssertion's and DetectEvent's.
	CheckInput = activities.CheckInput
	// CheckOutput is what both of them answer.
	CheckOutput = activities.CheckOutput
	// RespondInput is RespondEvent's.
	RespondInput = activities.RespondInput
	// NotifyInput is Notify's.
	NotifyInput = activities.NotificationInput
	// NotifyOutput is what it answers.
	NotifyOutput = activities.SendOutput
	// RefreshInput is Refresh's.
	RefreshInput = activities.RefreshInput
)
