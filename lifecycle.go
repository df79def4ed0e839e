package narrative

// Cause is what changes an issue's status.
type Cause string

// The causes of a change.
const (
	CauseSeveral   Cause = "several"   // a round's cases proposed several steps
	CauseInvalid   Cause = "invalid"   // the one plan proposed is not valid
	CauseHeldBack  Cause = "held_back" // the one plan proposed may not be carried out unasked
	CauseExhausted Cause = "exhausted" // it still fails after the last solution that is carried out unasked
	CauseApplied   Cause = "applied"   // a plan was carried out
	CauseStopped   Cause = "stopped"   // a plan stopped half-way
	CauseRejected  Cause = "rejected"  // a person rejected a plan that waited for approval
	CauseDiagnose  Cause = "diagnose"  // a person wants a round now
	CauseRecovered Cause = "recovered" // the assertion passes again
	CauseGone      Cause = "gone"      // the record is gone
	CauseRemoved   Cause = "removed"   // the assertion was removed
	CauseResolve   Cause = "resolve"   // a person says that it is over
	CauseWontFix   Cause = "wont_fix"  // a person says that it won't be fixed
)

// Transition is one way in which an issue's status changes.
type Transition struct {
	From  Status
	Cause Cause
	To    Status
}

// Transitions are all of them: a status changes in no other way. Being acknowledged, snoozed, worked on or waited for
// is no status; an issue of any status that is not closed may be so.
var Transitions = []Transition{
	{StatusOpen, CauseSeveral, StatusImpasse},
	{StatusOpen, CauseInvalid, StatusImpasse},
	{StatusOpen, CauseHeldBack, StatusImpasse},
	{StatusOpen, CauseApplied, StatusSolutionApplied},
	{StatusOpen, CauseStopped, StatusImpasse},
	{StatusOpen, CauseRejected, StatusImpasse},
	{StatusOpen, CauseDiagnose, StatusOpen},
	{StatusOpen, CauseRecovered, StatusResolved},
	{StatusOpen, CauseGone, StatusResolved},
	{StatusOpen, CauseRemoved, StatusResolved},
	{StatusOpen, CauseResolve, StatusResolved},
	{StatusOpen, CauseWontFix, StatusWontFix},

	{StatusSolutionApplied, CauseSeveral, StatusImpasse},
	{StatusSolutionApplied, CauseInvalid, StatusImpasse},
	{StatusSolutionApplied, CauseHeldBack, StatusImpasse},
	{StatusSolutionApplied, CauseExhausted, StatusImpasse},
	{StatusSolutionApplied, CauseApplied, StatusSolutionApplied},
	{StatusSolutionApplied, CauseStopped, StatusImpasse},
	{StatusSolutionApplied, CauseRejected, StatusImpasse},
	{StatusSolutionApplied, CauseDiagnose, StatusSolutionApplied},
	{StatusSolutionApplied, CauseRecovered, StatusResolved},
	{StatusSolutionApplied, CauseGone, StatusResolved},
	{StatusSolutionApplied, CauseRemoved, StatusResolved},
	{StatusSolutionApplied, CauseResolve, StatusResolved},
	{StatusSolutionApplied, CauseWontFix, StatusWontFix},

	{StatusImpasse, CauseApplied, StatusSolutionApplied}, // the plan that a person chose
	{StatusImpasse, CauseStopped, StatusImpasse},
	{StatusImpasse, CauseDiagnose, StatusOpen},
	{StatusImpasse, CauseRecovered, StatusResolved},
	{StatusImpasse, CauseGone, StatusResolved},
	{StatusImpasse, CauseRemoved, StatusResolved},
	{StatusImpasse, CauseResolve, StatusResolved},
	{StatusImpasse, CauseWontFix, StatusWontFix},
}

// Next returns the status that follows from on cause; false where [Transitions] knows none.
func Next(from Status, cause Cause) (Status, bool) {
	for _, t := range Transitions {
		if t.From == from && t.Cause == cause {
			return t.To, true
		}
	}
	return from, false
}

// move changes the status; it stays where no transition is known.
func (i *Issue) move(cause Cause) {
	i.Status, _ = Next(i.Status, cause)
}
