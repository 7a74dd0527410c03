import fc from 'fast-check';

// Use the same cases in every run, so that a failure can be repeated.
fc.configureGlobal({ seed: 5_0_2 });

export default fc;
