package narrative

// NonPassSteps are the issue's steps that proposed to do something, oldest first.
func (i Issue) NonPassSteps() []ResolutionStep {
	steps := []ResolutionStep{}
	for _, s := range i.Steps {
		if s.Action != Pass {
			steps = append(steps, s)
		}
	}
	return steps
}

// Escalate answers by how much was tried: the first response is asked while the issue has no step that is not a pass,
// the second once it has one, and so on. Beyond the last response, and where one is nil, it is nil, which proposes
// nothing.
func Escalate(i Issue, responses ...func(tried []ResolutionStep) *ResolutionStep) *ResolutionStep {
	tried := i.NonPassSteps()
	if len(tried) >= len(responses) || responses[len(tried)] == nil {
		return nil
	}
	return responses[len(tried)](tried)
}
