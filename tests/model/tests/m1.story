     0 s  process A  is asked for a payment and makes its Intent
    20 s  clock      time passes
    61 s  clock      time passes
    66 s  clock      time passes
    77 s  clock      time passes
    81 s  clock      time passes
    81 s  process A  writes the push
    81 s  process A  dies
    81 s  OVO        takes the push and asks the customer
    81 s  customer   pays
   200 s  clock      time passes
 10 min+  clock      time passes
          broken     I12 in the end all is closed and told, and nobody is debited without Accepted
