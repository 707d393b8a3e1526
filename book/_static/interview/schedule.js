// When a question is due again: SM-2, the algorithm of SuperMemo 2 (P. A. Wozniak, Optimization of learning, 1990,
// section 3.2). Grades go from 0 to 5; here a grade is the share of the rubric's points that was made, times five.

const Schedule = {
  NEW: { ease: 2.5, interval: 0, repetitions: 0, due: 0 },
  DAY: 24 * 60 * 60 * 1000,

  /** The state of a card after it was answered with a grade at a time in milliseconds. */
  after(card, grade, now) {
    const passed = grade >= 3;
    const repetitions = passed ? card.repetitions + 1 : 0;
    const interval = !passed || repetitions === 1 ? 1 : repetitions === 2 ? 6 : Math.round(card.interval * card.ease);
    const ease = Math.max(1.3, card.ease + 0.1 - (5 - grade) * (0.08 + (5 - grade) * 0.02));
    return { ease, interval, repetitions, due: now + interval * Schedule.DAY };
  },

  grade: (ticked, points) => Math.round((5 * ticked) / points),
};
