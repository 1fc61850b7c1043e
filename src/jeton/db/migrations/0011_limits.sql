-- Reserved; its helper fills it in.
SELECT 1;
